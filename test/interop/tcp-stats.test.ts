/** What `tcp_proxy` makes its clusters count, beside Envoy: a connection is a request there, which waits to be connected. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { closed, within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'
const TLS = { name: 'tls', typed_config: { '@type': `${TYPE}.transport_sockets.tls.v3.UpstreamTlsContext` } }

interface Situation {
  /** It never answers the first message of TLS. */
  readonly silent?: boolean
  /** Nobody listens there. */
  readonly refused?: boolean
  readonly empty?: boolean
  readonly filter?: object
  readonly cluster?: object
  /** The client goes, where it is not sent away: when it has heard something, or never. */
  readonly leaves?: 'then' | 'never'
  /** Then another client comes, and is sent away or ends when it has heard something. */
  readonly another?: 'sent away' | 'heard'
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  good: { leaves: 'then' },
  lasting: { leaves: 'never' },
  refused: { refused: true },
  'refused-twice': { refused: true, filter: { max_connect_attempts: 2 } },
  waiting: { silent: true, leaves: 'never', cluster: { connect_timeout: '60s' } },
  slow: { silent: true, cluster: { connect_timeout: '0.2s' } },
  empty: { empty: true },
  'empty-without-panic': { empty: true, cluster: { common_lb_config: { healthy_panic_threshold: {} } } },
  unqueued: { cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } } },
  queue: {
    silent: true,
    leaves: 'never',
    cluster: {
      connect_timeout: '60s',
      circuit_breakers: { thresholds: [{ max_pending_requests: 1, track_remaining: true }] },
    },
    another: 'sent away',
  },
  'queue-left': {
    leaves: 'never',
    cluster: { circuit_breakers: { thresholds: [{ max_connections: 2, max_pending_requests: 1 }] } },
    another: 'heard',
  },
  full: { cluster: { circuit_breakers: { thresholds: [{ max_connections: 0 }] } } },
}

/** Bytes, times and memberships are not what this is about. */
const COUNTED =
  /^cluster\.([^.]+)\.(upstream_(?:rq|cx)_(?!.*bytes)\w+|lb_healthy_panic|circuit_breakers\.default\.\w+_pending\w*): ([1-9]\d*)$/

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function bootstrap(port: number, silent: number, closed: number): unknown {
  const clusters = Object.entries(SITUATIONS).map(([name, one]) => {
    const at = one.refused === true ? closed : one.silent === true ? silent : port
    const endpoints = one.empty === true ? [] : [{ lb_endpoints: [{ endpoint: { address: address(at) } }] }]
    return {
      name,
      type: 'STATIC',
      load_assignment: { cluster_name: name, endpoints },
      ...(one.silent === true ? { transport_socket: TLS } : {}),
      ...one.cluster,
    }
  })
  const listeners = Object.entries(SITUATIONS).map(([name, { filter }]) => ({
    name,
    address: address(0),
    filter_chains: [
      {
        filters: [
          {
            name: 'f',
            typed_config: {
              '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`,
              stat_prefix: name,
              cluster: name,
              ...filter,
            },
          },
        ],
      },
    ],
  }))
  return { admin: { address: address(0) }, static_resources: { listeners, clusters } }
}

type Counts = Record<string, Record<string, number>>

async function observe({ admin, ports, log }: RunningProxy): Promise<Counts> {
  const text = async (path: string) => fetchText(`http://${admin}${path}`)
  const lasting: Socket[] = []
  const client = (name: string) => {
    const socket = connect(ports.get(name) as number, '127.0.0.1')
    socket.on('error', () => {}).write('x')
    const answered = once(socket, 'data')
    answered.catch(() => {})
    return { socket, answered }
  }
  try {
    for (const [name, { leaves, another }] of Object.entries(SITUATIONS)) {
      const { socket, answered } = client(name)
      const begun = async () => /[.]upstream_cx_total: 1/.test(await text(`/stats?filter=cluster.${name}.upstream_cx`))
      if (leaves !== undefined) await eventually(begun)
      if (leaves === 'then') await within(`an answer of ${name}`, answered, log)
      if (leaves === 'never') lasting.push(socket.resume())
      else {
        const end = closed(socket.resume())
        if (leaves === 'then') socket.end()
        await within(`the end of ${name}`, end, log)
      }
      if (another === undefined) continue
      const { socket: second, answered: heard } = client(name)
      if (another === 'heard') await heard
      const gone = new Promise((resolve) => second.resume().once('close', resolve))
      if (another === 'heard') second.end()
      await gone
    }
    const active = async () => text('/stats?filter=cluster.*upstream_cx_active')
    await eventually(
      async () => (await active()).match(/_active: 1/g)?.length === lasting.length,
      'the ends of the others',
    )
    const counts: Counts = {}
    const count = (name: string, what: string, value: number) => {
      counts[name] ??= {}
      counts[name][what] = value
    }
    for (const line of (await text('/stats')).split('\n')) {
      const [, name, stat, value] = COUNTED.exec(line) ?? []
      // Envoy knows of a limit of 0 that it is reached when something is under way.
      if (name !== undefined && !(name === 'unqueued' && stat.endsWith('_open'))) count(name, stat, Number(value))
    }
    for (const line of (await text('/clusters')).split('\n')) {
      const [, name, stat, value] = /^([^:]+)::127[^:]*:\d+::((?:cx|rq)_\w+)::([1-9]\d*)$/.exec(line) ?? []
      if (name !== undefined) count(name, `host's ${stat}`, Number(value))
    }
    return counts
  } finally {
    for (const socket of lasting) socket.destroy()
  }
}

test('clusters of tcp_proxy count what Envoy does', { skip: peer.skip }, async () => {
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  const silent = createServer((socket) => socket.on('error', () => {}).resume())
  const closed = createServer()
  const port = async (server: Server) => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }
  const config = bootstrap(await port(echo), await port(silent), await port(closed))
  closed.close()
  const dir = mkdtempSync(join(tmpdir(), 'sluice-tcp-stats-'))
  const proxies: RunningProxy[] = []
  try {
    proxies.push(await startEnvoy(peer.path, config, dir))
    proxies.push(await startSluice(config))
    const [theirs, ours] = await Promise.all(proxies.map(observe))
    assert.deepEqual(ours, theirs)
  } finally {
    for (const proxy of proxies) await proxy.stop()
    echo.close()
    silent.close()
    rmSync(dir, { recursive: true })
  }
})
