import { createSecureContext, type SecureVersion } from 'node:tls'
import {
  type TlsParameters,
  TlsParameters_TlsProtocol,
  TlsParametersSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { accepted } from './accepted.ts'

const VERSIONS: Readonly<Record<TlsParameters_TlsProtocol, SecureVersion>> = {
  [TlsParameters_TlsProtocol.TLS_AUTO]: 'TLSv1.2',
  [TlsParameters_TlsProtocol.TLSv1_0]: 'TLSv1',
  [TlsParameters_TlsProtocol.TLSv1_1]: 'TLSv1.1',
  [TlsParameters_TlsProtocol.TLSv1_2]: 'TLSv1.2',
  [TlsParameters_TlsProtocol.TLSv1_3]: 'TLSv1.3',
}

/**
 * Envoy's own list for versions up to 1.2, on either side: those of OpenSSL would also let in CBC modes and key exchanges without forward
 * secrecy. OpenSSL has no groups of equal preference, so within Envoy's (AES-128 and ChaCha20) AES comes first here.
 */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':')

/** What `createSecureContext` takes of it. */
export interface ProtocolBounds {
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  readonly ciphers: string
  readonly honorCipherOrder: boolean
  readonly ecdhCurve?: string
  readonly sigalgs?: string
}

/** Versions, ciphers, curves and signatures. */
export function protocolBounds(
  parameters: TlsParameters | undefined,
  side: 'server' | 'client',
  path: string,
): ProtocolBounds {
  if (parameters !== undefined) {
    onlyFields(
      TlsParametersSchema,
      parameters,
      [
        'tls_minimum_protocol_version',
        'tls_maximum_protocol_version',
        'cipher_suites',
        'ecdh_curves',
        'signature_algorithms',
      ],
      path,
    )
  }
  const { TLSv1_2, TLSv1_3 } = TlsParameters_TlsProtocol
  const min = parameters?.tlsMinimumProtocolVersion || TLSv1_2
  // A client that is told nothing stops at TLS 1.2, as Envoy's API says and Envoy does.
  const max = parameters?.tlsMaximumProtocolVersion || (side === 'server' ? TLSv1_3 : TLSv1_2)
  // OpenSSL would take it, and refuse every handshake.
  if (min > max)
    throw invalid(
      `${path}.tls_maximum_protocol_version`,
      `is ${VERSIONS[max]}, below the minimum, which is ${VERSIONS[min]}`,
    )
  const ciphers = cipherList(parameters?.cipherSuites ?? [], `${path}.cipher_suites`)
  const curves = parameters?.ecdhCurves ?? []
  if (curves.length > 0) accepted(`${path}.ecdh_curves`, () => createSecureContext({ ecdhCurve: curves.join(':') }))
  const signatures = parameters?.signatureAlgorithms ?? []
  if (signatures.length > 0)
    accepted(`${path}.signature_algorithms`, () => createSecureContext({ sigalgs: signatures.join(':') }))
  return {
    minVersion: VERSIONS[min],
    maxVersion: VERSIONS[max],
    ciphers: ciphers === '' ? CIPHERS : side === 'server' ? ellipticFirst(ciphers.split(':')) : ciphers,
    honorCipherOrder: side === 'server',
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
    ...(signatures.length === 0
      ? {}
      : { sigalgs: side === 'server' ? ellipticFirst(signatures) : signatures.join(':') }),
  }
}

/** Of two certificates Envoy shows the one with the elliptic key to whom can do with it; in OpenSSL the order of these lists decides. */
function ellipticFirst(names: readonly string[]): string {
  const elliptic = (name: string) => /^!|ecdsa/i.test(name)
  return [...names.filter(elliptic), ...names.filter((name) => !elliptic(name))].join(':')
}

/** No list changes these; BoringSSL knows them nevertheless. */
const OF_TLS13 = new Set(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])

/** OpenSSL passes over names that it does not know while it knows one; Envoy (BoringSSL's strict lists) refuses them. */
function cipherList(suites: readonly string[], path: string): string {
  const list = suites.map((suite) => suite.replace(/^\[(.*)\]$/, '$1').replaceAll('|', ':')).join(':')
  if (list === '') return ''
  const names = list.split(':').flatMap((one, i) => {
    const [, sign, name] = /^([!+-]?)(.*)$/s.exec(one) as RegExpExecArray
    if (name === '' || OF_TLS13.has(name)) return []
    const known = openSslName(name)
    if (known.startsWith('TLS_')) throw invalid(path, `has no cipher of TLS 1.2 in place ${i + 1}: «${one}»`)
    accepted(path, () => createSecureContext({ ciphers: known }))
    return [`${sign}${known}`]
  })
  if (names.length === 0) throw invalid(path, `has no cipher of TLS 1.2: «${list}»`)
  return names.join(':')
}

/** Of the name in IANA's registry, which BoringSSL takes, too: `TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA` is `ECDHE-RSA-AES128-SHA`. */
function openSslName(name: string): string {
  const [, exchange, cipher] = /^TLS_(RSA|ECDHE_RSA|ECDHE_ECDSA)_WITH_(.*)$/.exec(name) ?? []
  if (cipher === undefined) return name
  const plain = cipher.replace(/^AES_(\d+)_(?:CBC_)?/, 'AES$1-').replace('POLY1305_SHA256', 'POLY1305')
  return `${exchange === 'RSA' ? '' : `${exchange}-`}${plain}`.replaceAll('_', '-')
}
