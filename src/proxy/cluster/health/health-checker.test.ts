import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { StatsStore } from '../../stats/store.ts'
import { eventually, upstream } from '../../testing.ts'
import { Cluster } from '../cluster.ts'
import { HealthFlag, healthFlagsText } from '../health-flag.ts'

const OFTEN = 'timeout: 1s, interval: 0.01s, no_traffic_interval: 0.01s'

/** A cluster with EDS and these health checks; `set` is the discovery. */
function checked(check: string | readonly string[], more = '') {
  const stats = new StatsStore()
  const one = (fields: string) =>
    `{ ${OFTEN}, ${fields}, ${fields.includes('_health_check') ? '' : 'http_health_check: { path: /health }'} }`
  const yaml = `
name: c
type: EDS
eds_cluster_config: { eds_config: { ads: {} } }
health_checks: [${(typeof check === 'string' ? [check] : check).map(one).join()}]
${more}`
  const cluster = new Cluster(fromJson(ClusterSchema, parse(yaml) as JsonValue), { find: () => undefined }, stats)
  return {
    cluster,
    counter: (name: string) => stats.counter(`cluster.c.${name}`).value,
    gauge: (name: string) => stats.gauge(`cluster.c.${name}`).value,
    set(...ports: readonly number[]) {
      const lbEndpoints = ports.map((portValue) => ({
        endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue } } },
      }))
      const json = { clusterName: 'c', endpoints: [{ lbEndpoints }] }
      cluster.updateEndpoints(fromJson(ClusterLoadAssignmentSchema, json))
    },
  }
}

/** An upstream that answers with what `status` is then; 0: it breaks off. */
async function patient(status: number) {
  const state = { status }
  const up = await upstream((request, response) => {
    if (state.status === 0) request.socket.destroy()
    else response.writeHead(state.status).end()
  })
  return { state, up }
}

describe('health checks', () => {
  test('what a host says of itself counts at once; that it says nothing counts by the threshold', async () => {
    const { state, up } = await patient(200)
    const { cluster, set, counter, gauge } = checked('unhealthy_threshold: 4, healthy_threshold: 3')
    try {
      set(up.port)
      const [host] = cluster.hosts
      assert.equal(host.healthFlags, HealthFlag.FailedActiveCheck)
      await eventually(() => host.healthy, 'the first answer alone to count')
      assert.equal(counter('health_check.success'), 1)
      assert.equal(gauge('membership_healthy'), 1)
      assert.equal(gauge('health_check.healthy'), 1)

      state.status = 500
      await eventually(() => !host.healthy)
      assert.equal(counter('health_check.failure'), 1)
      assert.equal(counter('health_check.network_failure'), 0)

      state.status = 200
      const before = counter('health_check.success')
      await eventually(() => host.healthy)
      assert.equal(counter('health_check.success') - before, 3)

      state.status = 0
      await eventually(() => !host.healthy)
      assert.equal(counter('health_check.network_failure'), 4)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('a host that says in an answer that it fails is out at once, and comes back by the threshold', async () => {
    const { up } = await patient(200)
    const { cluster, set, counter, gauge } = checked('unhealthy_threshold: 4, healthy_threshold: 3')
    try {
      set(up.port)
      const [host] = cluster.hosts
      await eventually(() => host.healthy)
      const before = counter('health_check.success')
      cluster.checks?.failedAtOnce(host)
      assert.equal(healthFlagsText(host.healthFlags), '/failed_active_hc/excluded_via_immediate_hc_fail')
      assert.deepEqual(
        [counter('health_check.failure'), counter('health_check.passive_failure'), gauge('health_check.healthy')],
        [1, 1, 0],
      )
      await eventually(() => host.healthy)
      assert.equal(host.healthFlags, 0)
      assert.equal(counter('health_check.success') - before, 3)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('a status to try again counts by the threshold, and a degraded host is told apart', async () => {
    const { state, up } = await patient(200)
    up.server.prependListener('request', (_, response) => response.setHeader('x-envoy-degraded', ''))
    const { cluster, set, counter } = checked(
      'unhealthy_threshold: 2, healthy_threshold: 1, http_health_check: { path: /, retriable_statuses: [{ start: 503, end: 504 }] }',
    )
    try {
      set(up.port)
      const [host] = cluster.hosts
      await eventually(() => host.degraded)
      state.status = 503
      await eventually(() => !host.degraded)
      assert.equal(counter('health_check.failure'), 2)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('the connection is used again', async () => {
    for (const [reuse, expected] of [
      [true, 1],
      [false, 4],
    ] as const) {
      const { up } = await patient(200)
      let connections = 0
      up.server.on('connection', () => connections++)
      const { cluster, set, counter } = checked(`reuse_connection: ${reuse}`)
      try {
        set(up.port)
        await eventually(() => counter('health_check.success') === 4)
        assert.equal(connections, expected)
      } finally {
        cluster.close()
        await up.close()
      }
    }
  })
})

describe('health checks and discovery', () => {
  test('a host that is gone stays while its checks pass', async () => {
    const { state, up } = await patient(200)
    const { cluster, set } = checked('unhealthy_threshold: 1')
    try {
      set(up.port)
      const [host] = cluster.hosts
      await eventually(() => host.healthy)
      set()
      assert.deepEqual(cluster.hosts, [host])
      assert.equal(host.healthFlags, HealthFlag.PendingRemoval)
      assert.equal(cluster.choose(undefined), host)
      set(up.port)
      assert.equal(host.healthFlags, 0)
      set()
      state.status = 503
      await eventually(() => cluster.hosts.length === 0)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('ignore_health_on_host_removal: it goes at once', async () => {
    const { up } = await patient(200)
    const { cluster, set } = checked('unhealthy_threshold: 1', 'ignore_health_on_host_removal: true')
    try {
      set(up.port)
      await eventually(() => cluster.hosts[0].healthy)
      set()
      assert.deepEqual(cluster.hosts, [])
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('new hosts bring no panic where they are not counted before their first check', async () => {
    for (const ignore of [true, false]) {
      const { up } = await patient(200)
      const { cluster, set, gauge, counter } = checked(
        'initial_jitter: 600s',
        `common_lb_config: { ignore_new_hosts_until_first_hc: ${ignore} }`,
      )
      try {
        set(1, 2, 3, up.port)
        // As if it were known longer than the others.
        const host = cluster.hosts[3]
        const before = host.healthFlags
        host.healthFlags = 0
        cluster.healthChanged(host, before)
        assert.equal(gauge('membership_excluded'), ignore ? 3 : 0)
        const chosen = new Set(Array.from({ length: 100 }, () => cluster.choose(undefined)))
        assert.equal(chosen.size, ignore ? 1 : 4)
        assert.equal(counter('lb_healthy_panic'), ignore ? 0 : 100)
      } finally {
        cluster.close()
        await up.close()
      }
    }
  })

  test('close_connections_on_host_set_change: the hosts that stay get new connections', () => {
    const { cluster, set } = checked(
      'initial_jitter: 600s',
      'common_lb_config: { close_connections_on_host_set_change: true }',
    )
    try {
      set(1)
      const [host] = cluster.hosts
      const { pool } = host
      set(1)
      assert.equal(host.pool, pool)
      set(1, 2)
      assert.notEqual(host.pool, pool)
    } finally {
      cluster.close()
    }
  })

  // Envoy takes it for another host (BaseDynamicClusterImpl, active_health_check_flag_changed).
  test('an endpoint whose health checks are turned off is used, and is asked no more', async () => {
    const { state, up } = await patient(500)
    const { cluster, set, counter } = checked('unhealthy_threshold: 1, healthy_threshold: 1')
    const endpoint = (off: boolean) => ({
      address: { socketAddress: { address: '127.0.0.1', portValue: up.port } },
      healthCheckConfig: { disableActiveHealthCheck: off },
    })
    const deliver = (off: boolean) => {
      const json = { clusterName: 'c', endpoints: [{ lbEndpoints: [{ endpoint: endpoint(off) }] }] }
      cluster.updateEndpoints(fromJson(ClusterLoadAssignmentSchema, json))
    }
    try {
      set(up.port)
      await eventually(() => counter('health_check.failure') > 0)
      deliver(true)
      assert.ok(cluster.hosts[0].healthy)
      const before = counter('health_check.attempt')
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal(counter('health_check.attempt'), before)
      state.status = 200
      deliver(false)
      assert.ok(!cluster.hosts[0].healthy)
      await eventually(() => cluster.hosts[0].healthy)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('what cannot be asked is refused when it is loaded, not when it is asked', () => {
    for (const [check, error] of [
      ['http_health_check: { path: "/a b" }', /http_health_check\.path/],
      [
        'http_health_check: { path: /, request_headers_to_add: [{ header: { key: "a b", value: c } }] }',
        /request_headers_to_add\[0\]\.header\.key/,
      ],
      [
        'http_health_check: { path: /, request_headers_to_add: [{ header: { key: a, value: "b\\nc" } }] }',
        /request_headers_to_add\[0\]\.header\.value/,
      ],
      ['http_health_check: { path: /, host: "b\\nc" }', /http_health_check\.host/],
      [
        'http_health_check: { path: /, request_headers_to_add: [{ header: { key: a, value: "%START_TIME%" } }] }',
        /request_headers_to_add\[0\]\.header\.value/,
      ],
      ['http_health_check: { path: /, method: CONNECT }', /http_health_check\.method/],
      [
        'grpc_health_check: { initial_metadata: [{ header: { key: connection, value: close } }] }',
        /initial_metadata\[0\]\.header\.key/,
      ],
      [
        'grpc_health_check: { initial_metadata: [{ header: { key: "a b", value: c } }] }',
        /initial_metadata\[0\]\.header\.key/,
      ],
    ] as const) {
      assert.throws(() => checked(check).cluster.close(), error, check)
    }
  })
})

describe('several health checks', () => {
  const AT_ONCE = 'unhealthy_threshold: 1, healthy_threshold: 1'
  const named = (name: string, more = AT_ONCE) => `name: ${name}, http_health_check: { path: /${name} }, ${more}`

  /** An upstream that answers each path with what its status is then. */
  async function byPath(status: Record<string, number>) {
    return await upstream((request, response) => void response.writeHead(status[request.url ?? ''] ?? 404).end())
  }

  test('a host has to pass all of them', async () => {
    const status: Record<string, number> = { '/a': 200, '/b': 500 }
    const up = await byPath(status)
    const { cluster, set, counter, gauge } = checked([named('a'), named('b')])
    try {
      set(up.port)
      const [host] = cluster.hosts
      await eventually(() => counter('health_check.name.b.failure') > 2 && counter('health_check.name.a.success') > 2)
      assert.equal(host.healthFlags, HealthFlag.FailedActiveCheck)
      assert.equal(gauge('health_check.name.a.healthy'), 1)
      assert.equal(gauge('health_check.name.b.healthy'), 0)
      assert.equal(gauge('health_check.healthy'), 0)

      status['/b'] = 200
      await eventually(() => host.healthy)
      assert.equal(gauge('health_check.healthy'), 1)
      assert.equal(gauge('membership_healthy'), 1)

      status['/a'] = 500
      await eventually(() => !host.healthy)
      assert.equal(gauge('health_check.name.a.healthy'), 0)
      assert.equal(gauge('health_check.name.b.healthy'), 1)
      cluster.close()
      assert.equal(gauge('health_check.name.b.healthy'), 0)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  test('nothing is decided before each has had an answer', async () => {
    const up = await byPath({ '/a': 200 })
    const { cluster, set, counter } = checked([named('a'), named('late', `${AT_ONCE}, initial_jitter: 600s`)])
    try {
      set(up.port)
      await eventually(() => counter('health_check.name.a.success') > 2)
      assert.equal(cluster.hosts[0].healthFlags, HealthFlag.FailedActiveCheck)
    } finally {
      cluster.close()
      await up.close()
    }
  })

  // Each measured on Envoy 1.40 (`--mode validate`).
  test('they are told apart by their names, and are eight at most', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => named(`n${i}`))
    assert.throws(() => checked([named('a'), AT_ONCE]), /health_checks\[1\]\.name: is missing/)
    assert.throws(() => checked([named('a'), named('a')]), /health_checks\[1\]\.name: there is another/)
    assert.throws(() => checked(many(9)), /health_checks: no more than 8/)
    checked(many(8)).cluster.close()
    checked(named('a')).cluster.close()
  })
})
