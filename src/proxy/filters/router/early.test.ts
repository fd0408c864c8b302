import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cluster, httpListener, portOf, testProxy } from '../../testing.ts'

const PER_TRY_MS = 30

// As Envoy: once an answer has begun, only the time of the route may end it (UpstreamRequest::onPerTryTimeout).
describe('an answer that begins before its request is complete', () => {
  for (const [name, hedge] of [
    ['has no time for a try any more', ''],
    ['is not hedged', 'hedge_policy: { hedge_on_per_try_timeout: true }, '],
  ]) {
    for (const body of ['', 'data']) {
      test(`${name}, request body «${body}»`, async () => {
        let tries = 0
        const up = createServer((req, res) => {
          tries++
          res.write('early ')
          req.resume().on('end', async () => {
            await sleep(PER_TRY_MS * 5)
            res.end('late')
          })
        })
        up.listen(0, '127.0.0.1')
        await once(up, 'listening')
        const retry = `retry_policy: { retry_on: 5xx, num_retries: 1, per_try_timeout: ${PER_TRY_MS / 1000}s, retry_back_off: { base_interval: 0.001s } }`
        const routes = `[{ match: { prefix: / }, route: { cluster: up, ${hedge}${retry} } }]`
        const proxy = await testProxy([httpListener({ routes })], [cluster((up.address() as AddressInfo).port)])
        try {
          const call = request({ port: portOf(proxy), method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
          call.flushHeaders()
          const [answer] = await once(call, 'response')
          call.end(body)
          let text = ''
          for await (const chunk of answer) text += chunk
          assert.deepEqual([text, tries], ['early late', 1])
          const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
          for (const what of ['per_try_timeout', 'retry', 'retry_limit_exceeded'])
            assert.equal(counters[`cluster.up.upstream_rq_${what}`] ?? 0, 0, what)
        } finally {
          await proxy.close(0)
          up.closeAllConnections()
          up.close()
        }
      })
    }
  }
})
