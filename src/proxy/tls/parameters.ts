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

/** Versions and ciphers for `createSecureContext`. */
export function protocolBounds(
  parameters: TlsParameters | undefined,
  side: 'server' | 'client',
  path: string,
): { minVersion: SecureVersion; maxVersion: SecureVersion; ciphers?: string; ecdhCurve?: string } {
  if (parameters !== undefined) {
    onlyFields(
      TlsParametersSchema,
      parameters,
      ['tls_minimum_protocol_version', 'tls_maximum_protocol_version', 'cipher_suites', 'ecdh_curves'],
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
  const ciphers = (parameters?.cipherSuites ?? []).map((suite) =>
    suite.replace(/^\[(.*)\]$/, '$1').replaceAll('|', ':'),
  )
  const curves = parameters?.ecdhCurves ?? []
  if (ciphers.length > 0) accepted(`${path}.cipher_suites`, () => createSecureContext({ ciphers: ciphers.join(':') }))
  if (curves.length > 0) accepted(`${path}.ecdh_curves`, () => createSecureContext({ ecdhCurve: curves.join(':') }))
  return {
    minVersion: VERSIONS[min],
    maxVersion: VERSIONS[max],
    ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(':') }),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
  }
}
