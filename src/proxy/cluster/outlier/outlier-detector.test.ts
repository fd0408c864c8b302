import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { StatsStore } from '../../stats/store.ts'
import { Cluster } from '../cluster.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import type { OutlierDetector } from './outlier-detector.ts'

/** A static cluster of this many hosts, on fake timers. */
function world(hosts: number, settings: string, run: (all: readonly EndpointHost[], w: World) => void): void {
  const apis = ['setInterval'] as const
  mock.timers.enable({ apis: [...apis] })
  const stats = new StatsStore()
  const endpoints = Array.from({ length: hosts }, (_, i) => ({
    endpoint: { address: { socket_address: { address: `10.0.0.${i + 1}`, port_value: 80 } } },
  }))
  const config = {
    name: 'c',
    load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: endpoints }] },
    outlier_detection: parse(settings) as JsonValue,
  }
  const cluster = new Cluster(fromJson(ClusterSchema, config), { find: () => undefined }, stats)
  try {
    run(cluster.hosts, {
      outliers: cluster.outliers as OutlierDetector,
      stat: (name) =>
        stats.counter(`cluster.c.outlier_detection.${name}`).value +
        stats.gauge(`cluster.c.outlier_detection.${name}`).value,
    })
  } finally {
    cluster.close()
    mock.timers.reset()
  }
  assert.equal(stats.gauge('cluster.c.outlier_detection.ejections_active').value, 0, 'after the end')
}

interface World {
  readonly outliers: OutlierDetector
  stat(name: string): number
}

const times = (n: number, what: () => void) => {
  for (let i = 0; i < n; i++) what()
}

describe('outlier detection', () => {
  test('success rate: the host far below the others goes at the end of the interval', () => {
    world(
      6,
      '{ interval: 10s, consecutive_5xx: 1000, success_rate_request_volume: 10, max_ejection_percent: 20 }',
      (hosts, { outliers, stat }) => {
        for (const host of hosts) times(20, () => outliers.onResponse(host, 200))
        times(20, () => outliers.onResponse(hosts[3], 500))
        assert.ok(hosts[3].healthy)
        mock.timers.tick(10_000)
        assert.deepEqual(
          hosts.map(({ healthy }) => healthy),
          [true, true, true, false, true, true],
        )
        assert.equal(stat('ejections_enforced_success_rate'), 1)
        assert.equal(stat('ejections_success_rate'), 1)
        assert.equal(stat('ejections_total'), 1)
        assert.equal(stat('ejections_active'), 1)
      },
    )
  })

  test('failure percentage: detected unless told, enforced when told', () => {
    for (const [enforcing, expected] of [
      ['', 0],
      ['enforcing_failure_percentage: 100', 1],
    ] as const) {
      const settings = `{ interval: 10s, consecutive_5xx: 1000, enforcing_success_rate: 0, max_ejection_percent: 20, ${enforcing} }`
      world(5, settings, (hosts, { outliers, stat }) => {
        for (const host of hosts) times(60, () => outliers.onResponse(host, host === hosts[0] ? 503 : 200))
        mock.timers.tick(10_000)
        assert.equal(stat('ejections_detected_failure_percentage'), 1)
        assert.equal(stat('ejections_enforced_failure_percentage'), expected)
        assert.equal(hosts[0].healthy, expected === 0)
      })
    }
  })

  test('failures to connect have a row of their own where they are split from answers', () => {
    const settings =
      '{ split_external_local_origin_errors: true, consecutive_5xx: 2, consecutive_local_origin_failure: 3, max_ejection_percent: 100 }'
    world(2, settings, ([host], { outliers, stat }) => {
      times(2, () => outliers.onLocalFailure(host))
      outliers.onConnected(host)
      times(2, () => outliers.onLocalFailure(host))
      assert.ok(host.healthy)
      outliers.onLocalFailure(host)
      assert.equal(stat('ejections_enforced_consecutive_local_origin_failure'), 1)
      outliers.onHealthCheckPassed(host)
      assert.ok(host.healthy)
    })
  })

  // Since there is `always_eject_one_host`.
  test('a percentage that is less than a host lets none go, unless one may always', () => {
    for (const [always, expected] of [
      ['', 0],
      [', always_eject_one_host: true', 1],
    ] as const)
      world(9, `{ consecutive_5xx: 1${always} }`, (hosts, { outliers, stat }) => {
        for (const host of hosts) outliers.onResponse(host, 500)
        assert.equal(stat('ejections_active'), expected)
        assert.equal(stat('ejections_overflow'), 9 - expected)
      })
  })

  test('no more than the percentage, and what is over it is counted', () => {
    world(4, '{ consecutive_5xx: 1, max_ejection_percent: 50 }', (hosts, { outliers, stat }) => {
      for (const host of hosts) outliers.onResponse(host, 500)
      assert.equal(stat('ejections_active'), 2)
      assert.equal(stat('ejections_overflow'), 2)
      assert.equal(stat('ejections_detected_consecutive_5xx'), 4)
    })
  })

  // Envoy's DetectorImpl: what comes of a host that is no longer there is ignored.
  test('what was under way to a host that is gone, or of a cluster that is, ejects nobody', () => {
    world(2, '{ consecutive_5xx: 2, max_ejection_percent: 100 }', ([gone, stays], { outliers, stat }) => {
      const cluster = gone.cluster as Cluster
      const endpoint = { address: { socketAddress: { address: stays.ip, portValue: stays.port } } }
      const json = { clusterName: 'c', endpoints: [{ lbEndpoints: [{ endpoint }] }] }
      cluster.updateEndpoints(fromJson(ClusterLoadAssignmentSchema, json))
      times(2, () => outliers.onLocalFailure(gone))
      assert.equal(stat('ejections_active'), 0)
      cluster.close()
      times(2, () => outliers.onLocalFailure(stays))
      assert.equal(stat('ejections_active'), 0)
      assert.equal(stat('ejections_detected_consecutive_5xx'), 0)
    })
  })

  test('a cluster that is refused leaves no timer behind', () => {
    const began = mock.method(globalThis, 'setInterval')
    const config = {
      name: 'c',
      load_assignment: {
        cluster_name: 'c',
        endpoints: [
          { lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'no-address', port_value: 80 } } } }] },
        ],
      },
      outlier_detection: {},
    }
    try {
      const make = () => new Cluster(fromJson(ClusterSchema, config), { find: () => undefined }, new StatsStore())
      assert.throws(make, /no-address is not an IP address/)
      assert.equal(began.mock.callCount(), 0)
    } finally {
      began.mock.restore()
    }
  })

  test('an interval of nothing is refused, as by Envoy', () => {
    assert.throws(() => world(1, '{ interval: 0s }', () => {}), /outlier_detection\.interval/)
  })
})
