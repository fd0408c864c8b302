import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, FILTERS, testProxy } from '../testing.ts'

function listener(more: string): string {
  return `
name: tcp
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains: [{ filters: [{ name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: up${more} } }] }]`
}

test('a limit that would not be kept is refused', async () => {
  const limited = listener(', max_downstream_connection_duration: 60s')
  await assert.rejects(testProxy([limited], [cluster(1)]), { message: /max_downstream_connection_duration/ })
  await (await testProxy([listener('')], [cluster(1)])).close(0)
})
