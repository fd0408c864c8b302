/** Which of several certificates a server shows to a client (Envoy's DefaultTlsCertificateSelector). */
import { X509Certificate } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { asciiLower } from '../../base/byte-string.ts'
import { altNames, type CertificatePem } from './secrets.ts'

interface Shown {
  readonly names: readonly string[]
  readonly elliptic: boolean
  readonly pem: CertificatePem
  readonly context: SecureContext
}

/** By the name that is asked for: the first that has it with an elliptic key, and the first with another. */
export class CertificateChoice {
  /** For who asks for no name: the first of each kind of all, of which OpenSSL finds the one that the client can do with. */
  readonly unnamed: SecureContext
  readonly #byName = new Map<string, SecureContext>()
  /** For who asks for a name that no certificate has. */
  readonly #other: SecureContext

  /** `fullScan`: who asks for a name that none has is as one who asks for none; else gets the first, whatever its key. */
  constructor({ cert, key }: CertificatePem, fullScan: boolean, make: (pem: CertificatePem) => SecureContext) {
    const all = cert.map((one, i) => shown({ cert: [one], key: [key[i]] }, make))
    const any = firstOfEachKind(all)
    this.unnamed =
      any.length === 1
        ? any[0].context
        : make({ cert: any.flatMap(({ pem }) => pem.cert), key: any.flatMap(({ pem }) => pem.key) })
    this.#other = fullScan ? this.unnamed : all[0].context
    for (const name of new Set(all.flatMap(({ names }) => names))) {
      const some = firstOfEachKind(all.filter(({ names }) => names.includes(name)))
      this.#byName.set(
        name,
        some.every((one, i) => one === any[i]) && some.length === any.length ? this.unnamed : usual(some).context,
      )
    }
  }

  /** `undefined`: what there is without a name. The name itself comes before a wildcard for its first label (RFC 6125 6.4.3). */
  of(serverName: string): SecureContext | undefined {
    const name = asciiLower(serverName)
    const dot = name.indexOf('.', 1)
    const wild = dot < 0 ? undefined : this.#byName.get(`*${name.slice(dot)}`)
    const chosen = this.#byName.get(name) ?? wild ?? this.#other
    return chosen === this.unnamed ? undefined : chosen
  }
}

function firstOfEachKind(some: readonly Shown[]): Shown[] {
  return some.filter(({ elliptic }, i) => some.findIndex((one) => one.elliptic === elliptic) === i)
}

/** In the middle of a handshake Node takes one certificate alone. Every client can do with RSA. */
function usual(some: readonly Shown[]): Shown {
  return some.find(({ elliptic }) => !elliptic) ?? some[0]
}

function shown(pem: CertificatePem, make: (pem: CertificatePem) => SecureContext): Shown {
  const certificate = new X509Certificate(pem.cert[0])
  const elliptic = certificate.publicKey.asymmetricKeyType === 'ec'
  return { names: serverNames(certificate), elliptic, pem, context: make(pem) }
}

/** RFC 6125 6.4.4: the common name counts where there are no alternative ones. */
function serverNames({ subjectAltName, subject }: X509Certificate): string[] {
  if (subjectAltName === undefined) return (/^CN=(.*)$/m.exec(subject) ?? []).slice(1).map(asciiLower)
  const names = altNames(subjectAltName).flatMap(([kind, value]) => (kind === 'DNS' ? [asciiLower(value)] : []))
  return [...new Set(names)]
}
