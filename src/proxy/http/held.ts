/** What filters hold of a message until they have seen more of it, and what too much of it means. */
import { BodyBuffer } from '../../base/body-buffer.ts'
import { replyDirectly } from './reply.ts'
import type { HttpStream } from './stream.ts'

/**
 * A filter waits for more of the request. Past the buffer limit the request fails (413), or the client is read no more: as the filter
 * wants.
 */
export function holdRequest(stream: HttpStream, data: BodyBuffer): void {
  stream.requestBuffer ??= new BodyBuffer()
  stream.requestBuffer.hold(data)
  if (stream.requestBuffer.length <= stream.requestBufferLimit) return
  if (!stream.requestStreaming) {
    stream.manager.stats.tooLarge.value++
    stream.sendLocalReply(413, 'Payload Too Large', { details: 'request_payload_too_large' })
  } else if (!stream.requestHeldBack) {
    stream.requestHeldBack = true
    stream.pauseDownstream()
  }
}

/** What is held goes on, and the client is read again; undefined: nothing was held. */
export function takeRequestBuffer(stream: HttpStream): BodyBuffer | undefined {
  const held = stream.requestBuffer
  stream.requestBuffer = undefined
  if (stream.requestHeldBack) {
    stream.requestHeldBack = false
    stream.resumeDownstream()
  }
  return held
}

/** A filter waits for more of the response; past the limit it becomes a 500, or the upstream is read no more. */
export function holdResponse(stream: HttpStream, data: BodyBuffer): void {
  stream.responseBuffer ??= new BodyBuffer()
  stream.responseBuffer.hold(data)
  if (stream.responseBuffer.length <= stream.responseBufferLimit) return
  if (!stream.responseStreaming) {
    stream.manager.stats.responseTooLarge.value++
    stream.responseBuffer.clear()
    replyDirectly(stream, {
      code: 500,
      body: 'Internal Server Error',
      options: { details: 'response_payload_too_large' },
    })
  } else if (!stream.responseHeldBack) {
    stream.responseHeldBack = true
    stream.pauseUpstream()
  }
}

/** What is held goes on, and the upstream is read again. */
export function takeResponseBuffer(stream: HttpStream): BodyBuffer | undefined {
  const held = stream.responseBuffer
  stream.responseBuffer = undefined
  if (stream.responseHeldBack) {
    stream.responseHeldBack = false
    stream.resumeUpstream()
  }
  return held
}
