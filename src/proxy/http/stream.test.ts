import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { nowMs } from '../../base/read-clock.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { waitingDurations } from '../timeout-queue.ts'
import type { ResponseEncoder } from './codec.ts'
import type { ConnectionManager } from './connection-manager.ts'
import { HttpStream } from './stream.ts'
import { armIdleTimeout } from './stream-timeouts.ts'

/** A stream that goes no further than its beginning; `limits` are the max_stream_duration of the routes that it is given in turn. */
function begun(maxStreamDurationMs: number, ...limits: readonly (number | undefined)[]): HttpStream {
  let route = 0
  const manager = {
    options: { maxStreamDurationMs, requestTimeoutMs: 0, streamIdleTimeoutMs: 0 },
    bufferLimit: 1,
    streamStarted() {},
    streamFinished() {},
    acceptRequest: () => false,
    settleRoute() {},
    routeFor() {
      const maxMs = limits[route++]
      return { settings: { maxDuration: maxMs && { maxMs, grpcMaxMs: undefined, grpcOffsetMs: 0 } } }
    },
  }
  const encoder = { streamDone() {}, reset() {} } as unknown as ResponseEncoder
  const stream = new HttpStream(manager as unknown as ConnectionManager, encoder, {} as ConnectionInfo, 'HTTP/1.1')
  stream.onRequestHeaders(new HeaderMap([':method', 'GET', ':path', '/']), false)
  return stream
}

describe('max_stream_duration', () => {
  test('many streams of one limit have one timer', () => {
    const before = waitingDurations()
    for (let i = 0; i < 100; i++) {
      const stream = begun(3_600_000, 7_200_000)
      stream.route()
      stream.onDownstreamReset(0, 'gone')
    }
    // A stream may have taken more than a millisecond to come to its route.
    assert.ok(waitingDurations() - before < 10, `${waitingDurations() - before}`)
  })

  test('a route that is chosen anew takes the limit of the one before away', async () => {
    const stream = begun(0, 20, undefined)
    stream.route()
    stream.clearRouteCache()
    stream.route()
    await new Promise((resolve) => setTimeout(resolve, 60))
    assert.equal(stream.over, false)
    assert.equal(stream.info.responseCodeDetails, '')
    stream.onDownstreamReset(0, 'gone')
  })
})

test('stream_idle_timeout counts from the last sign of life', () => {
  const hour = 3_600_000
  const stream = begun(0)
  Object.assign(stream.manager.options, { streamIdleTimeoutMs: hour })
  armIdleTimeout(stream)
  assert.equal(stream.idleTimeout?.queue?.ms, hour)
  stream.lastActivity = nowMs() - hour + 60_000
  stream.idleTimeout?.cancel()
  stream.onTimeout(stream.idleTimeout?.kind ?? -1)
  const left = stream.idleTimeout?.queue?.ms ?? 0
  assert.ok(left > 0 && left <= 60_000, `${left}`)
  stream.onDownstreamReset(0, 'gone')
})
