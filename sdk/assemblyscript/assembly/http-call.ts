import { Status } from "./enums"
import { proxy_http_call } from "./host/imports"
import { RESULT_VALUE } from "./host/memory"
import { encodePairs, Header } from "./pairs"
import { rememberCall } from "./registry"

/**
 * Sends a request to a cluster of the proxy. Headers must have `:method`, `:path` and `:authority`. The answer comes to
 * `onHttpCallResponse` of the context in hand with the number that this returns; 0 means that it could not be sent.
 */
export function httpCall(
  cluster: string,
  headers: Header[],
  body: ArrayBuffer = new ArrayBuffer(0),
  trailers: Header[] = [],
  timeoutMilliseconds: u32 = 5000,
): u32 {
  const upstream = String.UTF8.encode(cluster)
  const head = encodePairs(headers)
  const tail = trailers.length == 0 ? new ArrayBuffer(0) : encodePairs(trailers)
  const status = proxy_http_call(
    changetype<usize>(upstream),
    upstream.byteLength,
    changetype<usize>(head),
    head.byteLength,
    changetype<usize>(body),
    body.byteLength,
    changetype<usize>(tail),
    tail.byteLength,
    timeoutMilliseconds,
    RESULT_VALUE,
  )
  if (status != Status.Ok) return 0
  const token = load<u32>(RESULT_VALUE)
  rememberCall(token)
  return token
}
