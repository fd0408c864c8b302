import { StreamType } from "./enums"
import { ABI_0_1_0 } from "./host/abi-version"
import {
  proxy_close_stream,
  proxy_continue_request,
  proxy_continue_response,
  proxy_continue_stream,
  proxy_send_local_response,
} from "./host/imports"
import { encodePairs, Header } from "./pairs"

/** Lets a request that a callback stopped go on. */
export function continueRequest(): u32 {
  return ABI_0_1_0 ? proxy_continue_request() : proxy_continue_stream(StreamType.HttpRequest)
}

/** Lets a response that a callback stopped go on. */
export function continueResponse(): u32 {
  return ABI_0_1_0 ? proxy_continue_response() : proxy_continue_stream(StreamType.HttpResponse)
}

/** Resets the stream. Not in ABI 0.1.0. */
export function closeStream(type: StreamType): u32 {
  return proxy_close_stream(type)
}

/**
 * Answers the request in the upstream's place. Return `StopIteration` from the callback then. `details` go to the access log
 * and say why; the client does not see them.
 */
export function sendLocalResponse(
  status: u32,
  details: string,
  body: ArrayBuffer = new ArrayBuffer(0),
  headers: Header[] = [],
  grpcStatus: i32 = -1,
): u32 {
  const reason = String.UTF8.encode(details)
  const pairs = headers.length == 0 ? new ArrayBuffer(0) : encodePairs(headers)
  return proxy_send_local_response(
    status,
    changetype<usize>(reason),
    reason.byteLength,
    changetype<usize>(body),
    body.byteLength,
    changetype<usize>(pairs),
    pairs.byteLength,
    grpcStatus,
  )
}
