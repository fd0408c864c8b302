import assert from 'node:assert/strict'
import { connect as connect2 } from 'node:http2'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { ProxyHandle } from '../../index.ts'
import {
  cluster,
  eventually,
  exchange,
  get,
  httpListener,
  portOf,
  type Running,
  rawUpstream,
  testProxy,
  upstream,
} from '../../testing.ts'

const POLICY = 'internal_redirect_policy: { max_internal_redirects: 2, redirect_response_codes: [302, 307] }'
const to = (location: string, code = 302) => `/to/${code}/${encodeURIComponent(location)}`

describe('internal redirects', () => {
  let up: Running & { readonly requests: string[] }
  let proxy: ProxyHandle
  let open = 0

  /** Counters of the proxy by the end of their names, without those that are 0. */
  async function counted(): Promise<Record<string, number>> {
    const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
    const wanted = Object.entries(counters).filter(([name, value]) => name.includes('internal_redirect_') && value > 0)
    return Object.fromEntries(
      wanted.map(([name, value]) => [name.slice(name.indexOf('internal_redirect_') + 18), value]),
    )
  }

  async function nothingLeft(of = proxy): Promise<void> {
    await eventually(async () => {
      const [{ gauges }] = await of.workers.query<{ gauges: Record<string, number> }>('stats')
      return gauges['http.web.downstream_rq_active'] === 0 && gauges['cluster.up.upstream_rq_active'] === 0
    }, 'no request to be under way')
  }

  before(async () => {
    up = await upstream((request, response, body) => {
      open++
      response.on('close', () => open--)
      const [, code, location] = /^\/to\/(\d+)\/(.*)$/.exec(request.url ?? '') ?? []
      if (code !== undefined)
        response.writeHead(Number(code), { location: decodeURIComponent(location) }).end('x'.repeat(100_000))
      else if (request.url !== '/never') response.end(`${request.method} ${request.url} ${body}`)
    })
    const routes = `[{ match: { prefix: /to }, route: { cluster: up, ${POLICY} } }, { match: { prefix: / }, route: { cluster: up } }]`
    proxy = await testProxy([httpListener({ routes })], [cluster(up.port)])
  })
  after(async () => {
    await proxy.close(0)
    await up.close()
  })
  beforeEach(async () => {
    await proxy.workers.command({ kind: 'reset-counters' })
  })

  test('the next request of the connection is answered behind the one that was redirected', async () => {
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`
    const text = await exchange(portOf(proxy), `${ask(to('http://b/one'))}${ask('/two')}`)
    assert.deepEqual(
      [...text.matchAll(/GET \/\w+/g)].map(([found]) => found),
      ['GET /one', 'GET /two'],
    )
    await nothingLeft()
    assert.deepEqual(await counted(), { succeeded_total: 1 })
  })

  test('over HTTP/2, with a body', async () => {
    const session = connect2(`http://127.0.0.1:${portOf(proxy)}`)
    try {
      const stream = session.request({ ':method': 'POST', ':path': to(`http://b${to('http://b/end', 307)}`, 307) })
      stream.end('body')
      let text = ''
      for await (const chunk of stream.setEncoding('utf8')) text += chunk
      assert.equal(text, 'POST /end body')
      assert.deepEqual(await counted(), { succeeded_total: 2 })
    } finally {
      session.close()
    }
    await nothingLeft()
  })

  test('a client that goes ends the request that it was redirected to', async () => {
    const socket = connect(portOf(proxy), '127.0.0.1', () =>
      socket.write(`GET ${to('http://b/never')} HTTP/1.1\r\nhost: a\r\n\r\n`),
    )
    await eventually(() => open === 1 && up.requests.at(-1)?.includes('/never') === true, 'the second request')
    socket.destroy()
    await eventually(() => open === 0, 'its end')
    await nothingLeft()
  })

  test('also one that has sent more than the next host takes', async () => {
    const deaf = await rawUpstream((socket) => socket.pause())
    const kept = 'per_request_buffer_limit_bytes: 20000000'
    const routes = `[{ match: { prefix: /to }, ${kept}, route: { cluster: up, ${POLICY} } }, { match: { prefix: / }, route: { cluster: deaf, timeout: 0s } }]`
    const proxy = await testProxy([httpListener({ routes })], [cluster(up.port), cluster(deaf.port, '', 'deaf')])
    try {
      const socket = connect(portOf(proxy), '127.0.0.1')
      socket.write(`POST ${to('http://b/', 307)} HTTP/1.1\r\nhost: a\r\ncontent-length: 16000000\r\n\r\n`)
      socket.write(Buffer.alloc(16_000_000))
      await eventually(() => deaf.sockets.size === 1, 'the second request')
      socket.destroy()
      await nothingLeft(proxy)
    } finally {
      await proxy.close(0)
      await deaf.close()
    }
  })

  test('what is not followed is counted by its reason, and the client gets it', async () => {
    const passed = async (location: string) => (await get(portOf(proxy), to(location))).status
    for (const location of ['/relative', 'http:///none', 'http://a b/', 'ftp://a/'])
      assert.equal(await passed(location), 302, location)
    assert.equal(await passed('https://b/'), 302)
    const thrice = to(`http://b${to(`http://b${to('http://b/end')}`)}`)
    assert.equal((await get(portOf(proxy), thrice)).status, 302)
    assert.deepEqual(await counted(), {
      bad_location: 4,
      unsafe_scheme: 1,
      too_many_redirects: 1,
      failed_total: 6,
      succeeded_total: 2,
    })
    await nothingLeft()
  })

  test('what leads nowhere leaves the request on its route, and with its cluster', async () => {
    const header = 'response_headers_to_add: [{ header: { key: x-cluster, value: "%UPSTREAM_CLUSTER%" } }]'
    const routes = `[{ match: { prefix: /to }, route: { cluster: up, ${POLICY} }, ${header} }]`
    const own = await testProxy([httpListener({ routes })], [cluster(up.port)])
    try {
      const { status, headers } = await get(portOf(own), to('http://a/none'))
      assert.deepEqual([status, headers['x-cluster']], [302, 'up'])
    } finally {
      await own.close(0)
    }
  })
})
