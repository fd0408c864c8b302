import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyHandle } from '../index.ts'
import { cluster, get, httpListener, portOf, type Running, rawUpstream, testProxy } from '../testing.ts'

/** More than the kernel's buffers on a loopback connection. */
const BODY = 'x'.repeat(24_000_000)

/** The time of a route begins when the request is complete (Envoy's router: onRequestComplete). */
describe('an upload that an HTTP/1.1 upstream does not take', () => {
  let proxy: ProxyHandle
  let up: Running

  before(async () => {
    up = await rawUpstream((socket) => socket.pause())
    const routes = ['large', 'small'].map(
      (name) => `{ match: { prefix: /${name} }, route: { cluster: ${name}, timeout: 0.3s } }`,
    )
    proxy = await testProxy(
      [httpListener({ routes: `[${routes.join(', ')}]` })],
      [
        cluster(up.port, 'per_connection_buffer_limit_bytes: 48000000', 'large'),
        cluster(up.port, 'per_connection_buffer_limit_bytes: 1000000', 'small'),
      ],
    )
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  const post = (path: string) => get(portOf(proxy), path, { method: 'POST', body: BODY })

  test('waits up to the cluster’s limit, so that the time of the route begins', async () => {
    assert.equal((await post('/large')).status, 504)
  })

  test('stays with its client beyond it', async () => {
    const answered = post('/small').then(({ status }) => status)
    answered.catch(() => {})
    assert.equal(await Promise.race([answered, sleep(1500, 'none')]), 'none')
  })
})
