import { UpstreamFailure } from '../cluster/upstream.ts'
import { ResponseFlag } from '../http/stream-info.ts'

export interface ResetText {
  readonly flag: number
  /** In the body of the answer. */
  readonly body: string
  /** In the response code details. */
  readonly details: string
}

const REASONS: Readonly<Record<UpstreamFailure, readonly [number, string]>> = {
  [UpstreamFailure.Overflow]: [ResponseFlag.UpstreamOverflow, 'overflow'],
  [UpstreamFailure.ConnectFailure]: [ResponseFlag.UpstreamConnectionFailure, 'remote connection failure'],
  [UpstreamFailure.ConnectTimeout]: [ResponseFlag.UpstreamConnectionFailure, 'connection timeout'],
  [UpstreamFailure.ConnectionTermination]: [ResponseFlag.UpstreamConnectionTermination, 'connection termination'],
  [UpstreamFailure.RemoteReset]: [ResponseFlag.UpstreamRemoteReset, 'remote reset'],
  [UpstreamFailure.ProtocolError]: [ResponseFlag.UpstreamProtocolError, 'protocol error'],
  [UpstreamFailure.RefusedStream]: [ResponseFlag.UpstreamRemoteReset, 'remote refused stream reset'],
}

/** The system's words as Envoy tells them; what TLS says stays. */
export function transportReason(message: string): string {
  if (message.includes('ECONNREFUSED')) return 'delayed connect error: Connection refused'
  if (message.includes('ENETUNREACH')) return 'immediate connect error: Network is unreachable'
  return message
}

/** Envoy's words for a broken upstream request. */
export function failureText(failure: UpstreamFailure, reason: string): ResetText {
  const [flag, words] = REASONS[failure]
  if (failure !== UpstreamFailure.ConnectFailure) return { flag, body: words, details: words.replaceAll(' ', '_') }
  return {
    flag,
    body: words,
    details: `${words}|${reason}`.replaceAll(' ', '_'),
  }
}
