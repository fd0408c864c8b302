/** For tests: certificates and the transport sockets that use them. */
import '../../base/reflect-metadata.ts'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto as never)
const ALG = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A certificate with its key, in PEM. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

/** Issues certificates for tests. */
export class Authority {
  #keys!: webcrypto.CryptoKeyPair
  #root!: x509.X509Certificate

  async start(name = 'CN=test root'): Promise<this> {
    this.#keys = (await webcrypto.subtle.generateKey(ALG, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    this.#root = await x509.X509CertificateGenerator.createSelfSigned({
      name,
      keys: this.#keys as never,
      signingAlgorithm: ALG,
      notAfter: new Date(Date.now() + 3_600_000),
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    })
    return this
  }

  get pem(): string {
    return this.#root.toString('pem')
  }

  async issue(names: readonly { type: 'dns' | 'url' | 'email' | 'ip'; value: string }[]): Promise<Pair> {
    const keys = (await webcrypto.subtle.generateKey(ALG, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    const cert = await x509.X509CertificateGenerator.create({
      subject: `CN=${names[0].value.replace(/[^a-z.]/g, '')}`,
      issuer: this.#root.subject,
      publicKey: keys.publicKey as never,
      signingKey: this.#keys.privateKey as never,
      signingAlgorithm: ALG,
      notAfter: new Date(Date.now() + 3_600_000),
      extensions: [new x509.SubjectAlternativeNameExtension([...names])],
    })
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
    return { cert: cert.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') }
  }
}

/** A data source, as YAML. */
export const inline = (text: string) => `{ inline_string: ${JSON.stringify(text)} }`
/** The package of the transport sockets' messages, for `@type`. */
export const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'

/** The transport socket of a server; with `extra` it asks for client certificates. */
export function serverTls({ cert, key }: Pair, extra = '', alpn = ''): string {
  return `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, ${extra === '' ? '' : 'require_client_certificate: true, '}common_tls_context: { ${alpn}tls_certificates: [{ certificate_chain: ${inline(cert)}, private_key: ${inline(key)} }]${extra} } } }`
}
