/** Health checks by TLS ask only who is who requests would be sent to. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { registry } from '../../index.ts'
import { Authority } from '../../listener/testing.ts'
import { StatsStore } from '../../stats/store.ts'
import { eventually } from '../../testing.ts'
import { Cluster } from '../cluster.ts'

const CHECKS: Readonly<Record<string, JsonValue>> = {
  tcp_health_check: {},
  http_health_check: { path: '/' },
}

for (const [kind, check] of Object.entries(CHECKS)) {
  test(`${kind} fails where the certificate has another name than it should`, async () => {
    const authority = await new Authority().start()
    const { cert, key } = await authority.issue([{ type: 'dns', value: 'right.example' }])
    let asked = 0
    const server = createServer({ cert, key }, (_request, response) => {
      asked++
      response.end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const named = (name: string, stats: StatsStore) =>
      new Cluster(
        fromJson(
          ClusterSchema,
          {
            name: 'c',
            type: 'STATIC',
            health_checks: [
              {
                timeout: '1s',
                interval: '0.01s',
                no_traffic_interval: '0.01s',
                unhealthy_threshold: 1,
                healthy_threshold: 1,
                [kind]: check,
              },
            ],
            transport_socket: {
              name: 'tls',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
                common_tls_context: {
                  validation_context: {
                    trusted_ca: { inline_string: authority.pem },
                    match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: name } }],
                  },
                },
              },
            },
            load_assignment: {
              cluster_name: 'c',
              endpoints: [
                {
                  lb_endpoints: [
                    { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                  ],
                },
              ],
            },
          } as JsonValue,
          { registry },
        ),
        { find: () => undefined },
        stats,
      )
    const [good, bad] = [new StatsStore(), new StatsStore()]
    const right = named('right.example', good)
    await eventually(() => right.hosts[0].healthy, 'the host with the right name to be healthy')
    right.close()
    asked = 0
    const wrong = named('wrong.example', bad)
    try {
      const count = (name: string) => bad.counter(`cluster.c.${name}`).value
      await eventually(() => count('health_check.failure') >= 2, 'two failed checks')
      assert.equal(wrong.hosts[0].healthy, false)
      assert.equal(count('health_check.success'), 0)
      assert.equal(asked, 0)
      assert.ok(count('ssl.fail_verify_san') >= 2)
    } finally {
      wrong.close()
      server.closeAllConnections()
      server.close()
    }
  })
}
