/** The times that a stream has: for its request, between two signs of life, and for all of it. */
import { nowMs } from '../../base/read-clock.ts'
import { Timeout } from '../timeout-queue.ts'
import { reply } from './reply.ts'
import type { HttpStream } from './stream.ts'
import { ResponseFlag } from './stream-info.ts'

const IDLE = 0
const REQUEST = 1
const MAX_DURATION = 2

/** gRPC's status. */
const DEADLINE_EXCEEDED = 4

/** `request_timeout`: the request has to be complete by then. */
export function armRequestTimeout(stream: HttpStream, ms: number): void {
  stream.requestTimeout = new Timeout(stream, REQUEST)
  stream.requestTimeout.arm(ms)
}

/** `stream_idle_timeout`, or the route's: so long may nothing happen. */
export function armIdleTimeout(stream: HttpStream): void {
  const ms = stream.streamIdleTimeoutMs
  if (ms <= 0) {
    stream.idleTimeout?.cancel()
    return
  }
  stream.idleTimeout ??= new Timeout(stream, IDLE)
  stream.idleTimeout.arm(ms)
}

/** Counted from the beginning of the stream; in whole milliseconds, so that streams of one limit wait in one line. */
export function limitDuration(stream: HttpStream, ms: number): void {
  if (ms <= 0) {
    stream.maxDuration?.cancel()
    return
  }
  stream.maxDuration ??= new Timeout(stream, MAX_DURATION)
  stream.maxDuration.arm(Math.max(1, Math.ceil(stream.info.startMono + ms - nowMs())))
}

/** For a stream that is over. */
export function cancelTimeouts(stream: HttpStream): void {
  stream.idleTimeout?.cancel()
  stream.requestTimeout?.cancel()
  stream.maxDuration?.cancel()
}

/** One of them is over; `kind` is what the stream has named it by. */
export function onStreamTimeout(stream: HttpStream, kind: number): void {
  const { stats } = stream.manager
  if (kind === IDLE) {
    // Signs of life only write down when they were; what is left of the time since the last one is waited for here.
    const left = stream.lastActivity + stream.streamIdleTimeoutMs - nowMs()
    if (left > 1) {
      stream.idleTimeout?.arm(Math.ceil(left))
      return
    }
    stats.idleTimeouts.value++
    stream.info.responseFlags |= ResponseFlag.StreamIdleTimeout
    timeOut(stream, stream.requestComplete ? 504 : 408, 'stream timeout', 'stream_idle_timeout')
  } else if (kind === REQUEST) {
    stats.requestTimeouts.value++
    timeOut(stream, 408, 'request timeout', 'request_overall_timeout')
  } else {
    stats.durationReached.value++
    const code = stream.requestComplete ? 504 : 408
    timeOut(stream, code, 'downstream duration timeout', 'max_duration_timeout', DEADLINE_EXCEEDED)
  }
}

function timeOut(stream: HttpStream, code: number, body: string, details: string, grpcStatus?: number): void {
  if (stream.headersSent) stream.resetByFilter(details)
  else {
    stream.decodeAborted = true
    reply(stream, { code, body, options: grpcStatus === undefined ? { details } : { details, grpcStatus } })
  }
}
