import { HttpConnectionManager_ForwardClientCertDetails as Mode } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import type { HttpOptions } from './http-options.ts'

const NAME = 'x-forwarded-client-cert'

/** `x-forwarded-client-cert`: removed unless told to trust it, and extended by what this connection proved. */
export function clientCertHeader(headers: HeaderMap, connection: ConnectionInfo, options: HttpOptions): void {
  const mode = options.xfcc
  if (mode === Mode.ALWAYS_FORWARD_ONLY) return
  const tls = connection.tls
  if (mode === Mode.SANITIZE || tls === undefined || !tls.mtls || tls.peer === undefined) {
    headers.remove(NAME)
    return
  }
  if (mode === Mode.FORWARD_ONLY) return
  const details = options.xfccDetails
  const parts: string[] = []
  for (const uri of tls.local?.uriSans ?? []) parts.push(`By=${uri}`)
  parts.push(`Hash=${tls.peer.sha256}`)
  if (details?.cert) parts.push(`Cert="${encodeURIComponent(tls.peer.pem)}"`)
  if (details?.chain) parts.push(`Chain="${encodeURIComponent(tls.peer.chainPem)}"`)
  // Its quotes are escaped already (RFC 4514 2.4).
  if (details?.subject === true) parts.push(`Subject="${tls.peer.subject}"`)
  if (details?.uri) parts.push(...uriParts(tls.peer.uriSans))
  if (details?.dns) for (const dns of tls.peer.dnsSans) parts.push(`DNS=${dns}`)
  const value = byteString(parts.join(';'))
  // An empty one is as none (HeaderMapImpl::appendToHeader).
  const told = mode === Mode.APPEND_FORWARD ? headers.getAll(NAME).filter((one) => one !== '') : []
  headers.set(NAME, [...told, value].join(','))
}

/** The key stands there also where there is none (Envoy's mutateXfccRequestHeader). */
function uriParts(names: readonly string[]): string[] {
  return names.length === 0 ? ['URI='] : names.map((name) => `URI=${name}`)
}
