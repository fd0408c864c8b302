import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, FILTERS, get, httpListener, portOf, testProxy, upstream } from '../testing.ts'

test('an upstream that makes statuses up has only so many counters, and each of its calls is counted', async () => {
  const up = await upstream(({ url = '' }, response) =>
    response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': url.split('?')[1] }).end(),
  )
  const filter = `{ name: stats, typed_config: { "@type": ${FILTERS}.http.grpc_stats.v3.FilterConfig } }`
  const admin = { host: '127.0.0.1', port: 0 }
  const proxy = await testProxy([httpListener({ filters: [filter] })], [cluster(up.port)], { admin })
  try {
    const headers = { 'content-type': 'application/grpc' }
    for (let i = 0; i < 150; i++) await get(portOf(proxy), `/a/b?s${i}`, { headers })
    await get(portOf(proxy), '/a/b?14', { headers })
    const stats = await (await fetch(`http://${proxy.adminAddress}/stats?filter=^cluster.up.grpc`)).text()
    assert.match(stats, /^cluster.up.grpc.total: 151$/m)
    assert.match(stats, /^cluster.up.grpc.14: 1$/m)
    assert.equal(stats.match(/^cluster.up.grpc.s\d+: 1$/gm)?.length, 100)
  } finally {
    await proxy.close(0)
    await up.close()
  }
})
