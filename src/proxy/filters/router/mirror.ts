import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { AsyncStream } from '../../cluster/async-client.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import type { MirrorPolicy } from '../../route/route-entry.ts'
import { markSampled } from '../../tracing/mark-sampled.ts'

/** A copy of a request on its way to a cluster whose answer nobody waits for. */
export class Mirror {
  readonly #stream: AsyncStream

  constructor(stream: AsyncStream, headers: HeaderMap, endStream: boolean) {
    this.#stream = stream
    stream.sendHeaders(headers, endStream)
  }

  data(data: BodyBuffer, endStream: boolean): void {
    const copy = new BodyBuffer()
    copy.share(data)
    this.#stream.sendData(copy, endStream)
  }

  trailers(trailers: HeaderMap): void {
    this.#stream.sendTrailers(trailers.clone())
  }
}

const IGNORE = { onHeaders() {}, onData() {}, onTrailers() {}, onComplete() {}, onReset() {} }

/** Mirrors get 15 s, whatever the route allows the real request. */
const TIMEOUT_MS = 15_000

export function startMirror(
  policies: readonly MirrorPolicy[],
  clusters: ClusterManager,
  headers: HeaderMap,
  endStream: boolean,
  traced: boolean,
): Mirror[] {
  const mirrors: Mirror[] = []
  for (const policy of policies) {
    if (policy.fraction < 1 && Math.random() >= policy.fraction) continue
    const stream = clusters.start(policy.cluster, IGNORE, { timeoutMs: TIMEOUT_MS })
    if (stream === undefined) continue
    const copy = headers.clone()
    // Envoy marks the host, so that logs of the shadowed service can be told apart.
    if (policy.suffix) copy.set(':authority', shadowHost(headers.get(':authority') ?? ''))
    if (traced && policy.sampled !== undefined) markSampled(copy, policy.sampled)
    mirrors.push(new Mirror(stream, copy, endStream))
  }
  return mirrors
}

function shadowHost(host: string): string {
  const colon = host.lastIndexOf(':')
  return colon === -1 || host.endsWith(']') ? `${host}-shadow` : `${host.slice(0, colon)}-shadow${host.slice(colon)}`
}
