import { X509Certificate } from 'node:crypto'
import type { LoadedCertificates, LoadedPem } from '../tls/loaded-certificates.ts'
import { altNames } from '../tls/secrets.ts'

/**
 * `/certs`, Envoy's `admin.v3.Certificates`: of each TLS context of listeners and clusters the certificates that it shows and the
 * authorities that it trusts, as they were loaded, and for how long they are valid. As in Envoy, a chain is told by its first alone.
 */
export function certs(contexts: readonly LoadedCertificates[]): unknown {
  return {
    certificates: contexts.map(({ shown, authority }) => ({
      ca_cert: authority === undefined ? [] : read(authority),
      cert_chain: shown.flatMap((one) => read(one).slice(0, 1)),
    })),
  }
}

const PEM = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

function read({ path, pem }: LoadedPem): unknown[] {
  return (pem.match(PEM) ?? []).map((one) => details(new X509Certificate(one), path))
}

function details(certificate: X509Certificate, path: string): unknown {
  const until = Date.parse(certificate.validTo)
  return {
    path,
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: subjectNames(certificate.subjectAltName ?? ''),
    days_until_expiration: String(Math.max(0, Math.floor((until - Date.now()) / 86_400_000))),
    valid_from: timestamp(Date.parse(certificate.validFrom)),
    expiration_time: timestamp(until),
  }
}

/** The kinds of names that Envoy tells, in its order. */
const NAME_FIELDS = [
  ['DNS', 'dns'],
  ['URI', 'uri'],
  ['IP Address', 'ip_address'],
] as const

function subjectNames(text: string): unknown[] {
  const names = altNames(text)
  return NAME_FIELDS.flatMap(([kind, field]) =>
    names.filter(([of]) => of === kind).map(([, value]) => ({ [field]: value })),
  )
}

/** As protobuf writes a time of whole seconds. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
