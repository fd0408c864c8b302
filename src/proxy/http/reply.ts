/** How an answer of our own leaves: through the response phases while they have not begun, else straight to the codec. */
import { codecErrorText, localReply, type PendingReply } from './local-reply.ts'
import type { HttpStream } from './stream.ts'

/** Answers, through the response phases while they have not begun. */
export function reply(stream: HttpStream, pending: PendingReply): void {
  if (stream.over) return
  stream.replied = true
  stream.badRequest = pending.code === 400
  stream.requestBuffer = undefined
  stream.responseBuffer = undefined
  if (stream.responseHeaders !== undefined) {
    replyDirectly(stream, pending)
    return
  }
  const { headers, body } = localReply(stream, pending)
  if (body === undefined) {
    stream.startResponse(headers, true)
    return
  }
  stream.startResponse(headers, false)
  stream.responseData(body, true)
}

/** Once the response phases have begun a reply goes straight to the codec, or is too late. */
export function replyDirectly(stream: HttpStream, pending: PendingReply): void {
  if (stream.headersSent) {
    stream.resetByFilter(pending.options?.details ?? '')
    return
  }
  const { headers, body } = localReply(stream, pending)
  stream.decodeAborted = true
  stream.responseBuffer = undefined
  stream.responseTrailers = undefined
  stream.responseHeaders = headers
  stream.info.responseHeaders = headers
  stream.sendHeaders(headers, body === undefined)
  if (body !== undefined) stream.sendData(body, true)
  stream.encodeAborted = true
}

/** To a message that cannot be read. */
export function replyToCodecError(stream: HttpStream, status: number, details: string): void {
  stream.decodeAborted = true
  if (stream.headersSent) {
    stream.resetByFilter(details)
    return
  }
  reply(stream, { code: status, body: codecErrorText(status), options: { details } })
}
