import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { AsyncStream, AsyncStreamCallbacks } from '../../cluster/async-client.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import type { HttpStream } from '../../http/stream.ts'
import type { MirrorPolicy } from '../../route/route-entry.ts'
import { markSampled } from '../../tracing/mark-sampled.ts'

/**
 * A copy of a request on its way to a cluster whose answer nobody waits for. As in Envoy the client sends no faster than the slowest
 * copy is taken (Filter::WatermarkCallbacks), and a copy that is not complete ends with the request.
 */
export class Mirror implements AsyncStreamCallbacks {
  readonly #request: HttpStream
  /** Until the copy is complete. */
  #copy: AsyncStream | undefined
  #pauses = 0

  constructor(request: HttpStream) {
    this.#request = request
  }

  start(copy: AsyncStream, headers: HeaderMap, endStream: boolean): void {
    this.#copy = copy
    copy.sendHeaders(headers, endStream)
    if (endStream) this.#leave()
  }

  data(data: BodyBuffer, endStream: boolean): void {
    const copy = new BodyBuffer()
    copy.share(data)
    this.#copy?.sendData(copy, endStream)
    if (endStream) this.#leave()
  }

  trailers(trailers: HeaderMap): void {
    this.#copy?.sendTrailers(trailers.clone())
    this.#leave()
  }

  /** The request is over. */
  end(): void {
    this.#copy?.reset()
    this.#leave()
  }

  onBlocked(): void {
    if (this.#copy === undefined) return
    this.#pauses++
    this.#request.pauseDownstream()
  }

  onDrained(): void {
    if (this.#pauses === 0) return
    this.#pauses--
    this.#request.resumeDownstream()
  }

  onHeaders(): void {}
  onData(): void {}
  onTrailers(): void {}
  onComplete(): void {}
  onReset(): void {}

  #leave(): void {
    this.#copy = undefined
    while (this.#pauses > 0) this.onDrained()
  }
}

/** `headers`: those of the request as its first try has them; `timeoutMs`: that of the request. */
export function startMirrors(
  policies: readonly MirrorPolicy[],
  clusters: ClusterManager,
  request: HttpStream,
  headers: HeaderMap,
  endStream: boolean,
  timeoutMs: number,
): Mirror[] {
  const mirrors: Mirror[] = []
  for (const policy of policies) {
    if (policy.fraction < 1 && Math.random() >= policy.fraction) continue
    const mirror = new Mirror(request)
    const stream = clusters.start(policy.cluster, mirror, { timeoutMs })
    if (stream === undefined) continue
    const copy = headers.clone()
    // Envoy marks the host, so that logs of the shadowed service can be told apart.
    if (policy.suffix) copy.set(':authority', shadowHost(headers.get(':authority') ?? ''))
    if (request.trace !== undefined && policy.sampled !== undefined) markSampled(copy, policy.sampled)
    mirror.start(stream, copy, endStream)
    mirrors.push(mirror)
  }
  return mirrors
}

function shadowHost(host: string): string {
  const colon = host.lastIndexOf(':')
  return colon === -1 || host.endsWith(']') ? `${host}-shadow` : `${host.slice(0, colon)}-shadow${host.slice(colon)}`
}
