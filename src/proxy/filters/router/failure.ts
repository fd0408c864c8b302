import type { HeaderMap } from '../../../base/header-map.ts'
import { FAILURE_WORDS, UpstreamFailure } from '../../cluster/upstream.ts'
import type { FilterHandle } from '../../http/filter-handle.ts'
import { ResponseFlag } from '../../http/stream-info.ts'

/** What is told of an upstream request that broke. */
export interface ResetText {
  readonly flag: number
  /** In the body of the answer. */
  readonly body: string
  /** In the response code details. */
  readonly details: string
}

const FLAGS: Readonly<Record<UpstreamFailure, number>> = {
  [UpstreamFailure.Overflow]: ResponseFlag.UpstreamOverflow,
  [UpstreamFailure.ConnectFailure]: ResponseFlag.UpstreamConnectionFailure,
  [UpstreamFailure.ConnectTimeout]: ResponseFlag.UpstreamConnectionFailure,
  [UpstreamFailure.ConnectionTermination]: ResponseFlag.UpstreamConnectionTermination,
  [UpstreamFailure.RemoteReset]: ResponseFlag.UpstreamRemoteReset,
  [UpstreamFailure.ProtocolError]: ResponseFlag.UpstreamProtocolError,
  [UpstreamFailure.RefusedStream]: ResponseFlag.UpstreamRemoteReset,
}

/** There was no connection yet. */
export function failedToConnect(failure: UpstreamFailure): boolean {
  return failure === UpstreamFailure.ConnectFailure || failure === UpstreamFailure.ConnectTimeout
}

/** The system's words as Envoy tells them; what TLS says stays. */
export function transportReason(message: string): string {
  if (message.includes('ECONNREFUSED')) return 'delayed connect error: Connection refused'
  if (message.includes('ENETUNREACH')) return 'immediate connect error: Network is unreachable'
  return message
}

/** Envoy's words for a broken upstream request. */
export function failureText(failure: UpstreamFailure, reason: string): ResetText {
  const flag = FLAGS[failure]
  const words = FAILURE_WORDS[failure]
  if (failure !== UpstreamFailure.ConnectFailure) return { flag, body: words, details: words.replaceAll(' ', '_') }
  return {
    flag,
    body: words,
    details: `${words}|${reason}`.replaceAll(' ', '_'),
  }
}

/** Of the answer for an upstream request that broke before its own. */
export function resetBody(text: ResetText, retried: boolean): string {
  const again = retried ? 'retried and the latest ' : ''
  return `upstream connect error or disconnect/reset before headers. ${again}reset reason: ${text.body}`
}

/** What the router answers itself. */
export interface OwnAnswer {
  readonly code: number
  readonly body: string
  readonly details: string
  /** A circuit breaker is why, and the client may know. */
  readonly overloaded?: boolean
}

/** Answers in place of the upstream; `countsTries`: how many tries there were is told by it, too. */
export function answerSelf(
  callbacks: FilterHandle,
  { code, body, details, overloaded }: OwnAnswer,
  countsTries: boolean,
): void {
  const modifyHeaders = (headers: HeaderMap): void => {
    if (overloaded === true) headers.set('x-envoy-overloaded', 'true')
    if (countsTries) headers.put('x-envoy-attempt-count', String(callbacks.stream.info.attemptCount))
  }
  callbacks.sendLocalReply(code, body, { details, modifyHeaders })
}
