import { createSecureContext, type SecureVersion } from 'node:tls'
import {
  type TlsParameters,
  TlsParametersSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import { onlyFields } from '../config/fields.ts'
import { accepted } from './accepted.ts'

const VERSIONS: readonly (SecureVersion | undefined)[] = [undefined, 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

/** Versions and ciphers for `createSecureContext`. */
export function protocolBounds(
  parameters: TlsParameters | undefined,
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
  const ciphers = (parameters?.cipherSuites ?? []).map((suite) =>
    suite.replace(/^\[(.*)\]$/, '$1').replaceAll('|', ':'),
  )
  const curves = parameters?.ecdhCurves ?? []
  if (ciphers.length > 0) accepted(`${path}.cipher_suites`, () => createSecureContext({ ciphers: ciphers.join(':') }))
  if (curves.length > 0) accepted(`${path}.ecdh_curves`, () => createSecureContext({ ecdhCurve: curves.join(':') }))
  return {
    minVersion: VERSIONS[parameters?.tlsMinimumProtocolVersion ?? 0] ?? 'TLSv1.2',
    maxVersion: VERSIONS[parameters?.tlsMaximumProtocolVersion ?? 0] ?? 'TLSv1.3',
    ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(':') }),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
  }
}
