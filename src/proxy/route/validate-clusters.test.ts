import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, get, httpListener, portOf, testProxy, upstream } from '../testing.ts'

const listener = (name: string) =>
  httpListener({
    hcm: `route_config: { validate_clusters: true, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ${name} } }] }] }`,
  })

test('validate_clusters finds the clusters that are there, where listeners are tried', async () => {
  const up = await upstream()
  try {
    const proxy = await testProxy([listener('up')], [cluster(up.port)])
    assert.equal((await get(portOf(proxy))).status, 200)
    await proxy.close(0)
    await assert.rejects(testProxy([listener('none')], [cluster(up.port)]), /there is no cluster "none"/)
  } finally {
    await up.close()
  }
})
