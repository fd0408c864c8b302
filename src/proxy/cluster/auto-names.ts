import { isIP } from 'node:net'
import {
  type UpstreamHttpProtocolOptions,
  UpstreamHttpProtocolOptionsSchema,
} from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import { asciiLower, byteString } from '../../base/byte-string.ts'
import { onlyFields } from '../config/fields.ts'
import { dnsNameMatches } from '../tls/dns-name.ts'
import { altNames } from '../tls/secrets.ts'
import type { UpstreamCallbacks } from './upstream.ts'

/** Which of the two a cluster asks for, and where the name stands. */
export interface AutoNames {
  readonly sni: boolean
  readonly san: boolean
  /** The header that names the server, where a request has it; '': none does. */
  readonly header: string
}

/** `auto_sni` and `auto_san_validation`: the host of each request names the server that its connection asks for, and has to be. */
export function autoNames(options: UpstreamHttpProtocolOptions | undefined, path: string): AutoNames | undefined {
  if (options === undefined) return undefined
  const fields = ['auto_sni', 'auto_san_validation', 'override_auto_sni_header']
  onlyFields(UpstreamHttpProtocolOptionsSchema, options, fields, path)
  const { autoSni: sni, autoSanValidation: san, overrideAutoSniHeader } = options
  return sni || san ? { sni, san, header: byteString(overrideAutoSniHeader.toLowerCase()) } : undefined
}

/** Which server a request is for, in lower case and without its port; '': it does not tell. */
export function nameOf({ header }: AutoNames, { requestHeaders: headers }: UpstreamCallbacks): string {
  const told = (header !== '' && headers?.get(header)) || (headers?.get(':authority') ?? '')
  return asciiLower(/^\[(.*)\]/.exec(told)?.[1] ?? told.replace(/:\d*$/, ''))
}

/** An address is nobody's server name (RFC 6066 3). */
export function isServerName(name: string): boolean {
  return name !== '' && isIP(name) === 0
}

/** One of a certificate's names, in Node's text, is this one. */
export function certificateNames(subjectAltName: string, name: string): boolean {
  return altNames(subjectAltName).some(([kind, value]) =>
    kind === 'DNS' ? dnsNameMatches(name, value) : value === name,
  )
}
