import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { decodeData, decodeHeaders } from './decode.ts'
import { createFilters } from './make-handle.ts'
import type { HttpStream } from './stream.ts'
import type { StreamInfo } from './stream-info.ts'
import { armIdleTimeout, limitDuration } from './stream-timeouts.ts'

/** Goes on as another stream with its own filters (Envoy's recreateStream). The request is complete; `body` is all of it. */
export function recreate(
  stream: HttpStream,
  headers: HeaderMap,
  answer: HeaderMap,
  body: BodyBuffer | undefined,
): void {
  const { info, manager, encoder } = stream
  info.responseHeaders = answer
  info.responseCode = Number(answer.get(':status'))
  info.responseCodeDetails = 'internal_redirect'
  const next = manager.newStream(encoder, info.connection, info.protocol)
  next.redirects = stream.redirects
  encoder.continueWith(next)
  stream.finish(false)
  goOn(next, info, headers, body)
}

function goOn(stream: HttpStream, before: StreamInfo, headers: HeaderMap, body: BodyBuffer | undefined): void {
  const { manager } = stream
  stream.begin(headers)
  stream.info.takeRequest(before)
  stream.requestComplete = true
  limitDuration(stream, manager.options.maxStreamDurationMs)
  if (!manager.acceptRedirected(stream, headers)) return
  armIdleTimeout(stream)
  if (!createFilters(stream)) return
  decodeHeaders(stream, 0, headers, body === undefined)
  if (body !== undefined && !stream.decodeAborted) decodeData(stream, 0, body, true)
}
