import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { CertificateInfo, TlsInfo } from '../network/connection-info.ts'
import { altNames } from './secrets.ts'
import { sessionId } from './session-id.ts'

/** What is known of a TLS session whose handshake is over. Certificates are read when somebody asks: few do. */
export class SessionInfo implements TlsInfo {
  readonly version: string
  readonly cipher: string
  readonly alpn: string
  readonly sessionId: string
  readonly mtls: boolean
  readonly serverName: string
  readonly local: CertificateInfo | undefined
  readonly #peer: X509Certificate | undefined
  #peerInfo: CertificateInfo | undefined

  /** `peer`: Node hands it out with all that stood behind it once only. */
  constructor(
    socket: TLSSocket,
    peer: X509Certificate | undefined,
    mtls: boolean,
    local: CertificateInfo | undefined,
    serverName: string,
  ) {
    this.version = socket.getProtocol() ?? ''
    this.cipher = socket.getCipher()?.name ?? ''
    this.alpn = socket.alpnProtocol === false || socket.alpnProtocol === null ? '' : socket.alpnProtocol
    // In TLS 1.3 a session has none of its own (RFC 8446 4.1.3).
    this.sessionId = this.version === 'TLSv1.3' ? '' : sessionId(socket.getSession())
    this.mtls = mtls
    this.serverName = serverName
    this.local = local
    this.#peer = peer
  }

  /** The peer has a certificate. */
  get peerShown(): boolean {
    return this.#peer !== undefined
  }

  get peer(): CertificateInfo | undefined {
    this.#peerInfo ??= this.#peer && certificateInfo(this.#peer)
    return this.#peerInfo
  }
}

/** RFC 4514 order and separators, as Envoy prints subjects. */
function subject(text: string): string {
  return text.split('\n').reverse().join(',')
}

export function certificateInfo(certificate: X509Certificate): CertificateInfo {
  const all = altNames(certificate.subjectAltName ?? '')
  const names = (wanted: string) => all.filter(([kind]) => kind === wanted).map(([, value]) => value)
  return {
    subject: subject(certificate.subject ?? ''),
    issuer: subject(certificate.issuer ?? ''),
    uriSans: names('URI'),
    dnsSans: names('DNS'),
    emailSans: names('email'),
    ipSans: names('IP Address'),
    serial: certificate.serialNumber.toLowerCase(),
    sha256: createHash('sha256').update(certificate.raw).digest('hex'),
    sha1: certificate.fingerprint.replaceAll(':', '').toLowerCase(),
    pem: certificate.toString(),
    chainPem: chainPem(certificate),
    validFrom: certificate.validFrom,
    validTo: certificate.validTo,
  }
}

/** What a peer has sent, Node links as issuers. */
function chainPem(certificate: X509Certificate): string {
  const chain: string[] = []
  for (let one: X509Certificate | undefined = certificate; one !== undefined; one = one.issuerCertificate)
    chain.push(one.toString())
  return chain.join('')
}
