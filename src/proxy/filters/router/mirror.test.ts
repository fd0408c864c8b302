import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyHandle } from '../../index.ts'
import {
  cluster,
  eventually,
  get,
  httpListener,
  portOf,
  type Running,
  rawUpstream,
  testProxy,
  upstream,
} from '../../testing.ts'

const SIZE = 64 * 1024 * 1024
const LONG = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${SIZE}\r\n\r\n`

// As real Envoy 1.40 does, whose upload stands still at 6 MB.
describe('a mirror that does not read', () => {
  let proxy: ProxyHandle | undefined
  const running: Running[] = []

  afterEach(async () => {
    await proxy?.close(0)
    for (const one of running.splice(0)) await one.close()
  })

  /** `seen`: how much of an upload the cluster has got that is not mirrored to. */
  async function start(timeout: string) {
    let seen = 0
    const up = await rawUpstream((socket) =>
      socket.on('data', (data) => {
        seen += data.length
        if (seen >= SIZE) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      }),
    )
    const deaf = await rawUpstream((socket) => socket.pause())
    running.push(up, deaf)
    const routes = `[{ match: { prefix: / }, route: { cluster: up, timeout: ${timeout}, request_mirror_policies: [{ cluster: deaf }] } }]`
    proxy = await testProxy([httpListener({ routes })], [cluster(up.port), cluster(deaf.port, '', 'deaf')])
    return { deaf, port: portOf(proxy), seen: () => seen }
  }

  async function stat(name: string): Promise<number> {
    const found = await proxy?.workers.query<Record<'counters' | 'gauges', Record<string, number>>>('stats')
    return found?.[0].counters[name] ?? found?.[0].gauges[name] ?? 0
  }

  test('slows the client, until it is gone', async () => {
    const { deaf, port, seen } = await start('0s')
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      answer += data
    })
    socket.write(LONG)
    socket.write(Buffer.alloc(SIZE))
    for (let before = -1; before !== seen() || before === 0; ) {
      before = seen()
      await sleep(500)
    }
    assert.ok(seen() < SIZE / 2, `${seen()} bytes`)
    for (const one of deaf.sockets) one.destroy()
    await eventually(() => answer.includes('200 OK'), 'the answer')
    socket.destroy()
  })

  test('gets no end of a request that breaks off', async () => {
    const { deaf, port, seen } = await start('0s')
    const socket = connect(port, '127.0.0.1')
    socket.write(LONG)
    socket.write(Buffer.alloc(1000))
    await eventually(() => seen() > 1000 && deaf.sockets.size === 1, 'the copy')
    socket.destroy()
    await eventually(async () => (await stat('cluster.deaf.upstream_rq_active')) === 0, 'its end', 5000)
  })
})

test('a mirror has the time of the route', async () => {
  const up = await upstream((_, response) => response.end('ok'))
  const slow = await upstream(() => {})
  const routes =
    '[{ match: { prefix: / }, route: { cluster: up, timeout: 0.1s, request_mirror_policies: [{ cluster: slow }] } }]'
  const proxy = await testProxy([httpListener({ routes })], [cluster(up.port), cluster(slow.port, '', 'slow')])
  try {
    assert.equal((await get(portOf(proxy))).body, 'ok')
    await eventually(
      async () => {
        const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
        return counters['cluster.slow.upstream_rq_timeout'] === 1
      },
      'its timeout',
      5000,
    )
  } finally {
    await proxy.close(0)
    await up.close()
    await slow.close()
  }
})
