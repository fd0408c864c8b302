import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyHandle } from '../index.ts'
import { cluster, eventually, httpListener, portOf, type Running, testProxy, upstream } from '../testing.ts'

/** Their answers are more than the kernel's buffers on a loopback connection, they are less. */
const REQUESTS = 12_000
const BODY = 'x'.repeat(4000)

/** Envoy closes such a connection (`http1.response_flood`); nobody is to have the proxy's memory, either way. */
describe('a client that asks on and on and reads no answer', () => {
  let proxy: ProxyHandle
  let up: Running

  before(async () => {
    up = await upstream((_, response) => response.end(BODY))
    const routes = [
      `{ match: { prefix: /direct }, direct_response: { status: 200, body: { inline_string: ${BODY} } } }`,
      '{ match: { prefix: / }, route: { cluster: up } }',
    ]
    proxy = await testProxy([httpListener({ routes: `[${routes.join(', ')}]` })], [cluster(up.port)], {
      admin: { host: '127.0.0.1', port: 0 },
    })
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  const asked = async () => {
    const stats = await fetch(`http://${proxy.adminAddress}/stats?filter=^http.web.downstream_rq_total$`)
    return Number(/: (\d+)/.exec(await stats.text())?.[1])
  }
  /** Until no more are taken. */
  const settled = async () => {
    for (let before = -1, now = await asked(); before !== now; now = await asked()) {
      before = now
      await sleep(300)
    }
    return asked()
  }

  for (const path of ['/direct', '/proxied']) {
    test(`is held back, and gets all when it reads: ${path}`, async () => {
      const before = await asked()
      const client = connect(portOf(proxy), '127.0.0.1').pause()
      client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(REQUESTS))
      const taken = (await settled()) - before
      assert.ok(taken < REQUESTS, `${taken} requests were answered`)
      let bytes = 0
      client.on('data', (chunk) => {
        bytes += chunk.length
      })
      client.resume()
      await eventually(async () => (await asked()) - before === REQUESTS, 'all requests')
      await eventually(() => bytes > REQUESTS * BODY.length, 'all answers')
      client.destroy()
    })
  }
})
