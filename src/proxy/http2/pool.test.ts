import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PoolSettings } from '../cluster/connection-pool.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'
import { DEFAULT_BUFFER_LIMIT } from '../config/buffer-limit.ts'
import { MAX_WINDOW } from './frame.ts'
import { http2Options } from './options.ts'
import { Http2Pool } from './pool.ts'
import type { Http2Stats } from './stats.ts'

class SeenPool extends Http2Pool {
  get most(): number {
    return this.capacity
  }
}

// RFC 9113 5.1.1: a client has 2^30 ids for a connection, and a request beyond them cannot be sent.
for (const [told, most] of [
  [0, 2 ** 29],
  [7, 7],
  [2 ** 32 - 1, 2 ** 29],
]) {
  test(`a connection with max_requests_per_connection ${told} takes ${most} requests`, () => {
    const options = { ...http2Options(undefined, '', DEFAULT_BUFFER_LIMIT), maxStreams: MAX_WINDOW }
    const settings = { maxRequestsPerConnection: told } as PoolSettings
    assert.equal(new SeenPool({} as EndpointHost, settings, options, {} as Http2Stats).most, most)
  })
}
