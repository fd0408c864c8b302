/** Text of the configuration is Unicode, what is sent is bytes: everywhere the text's UTF-8, as Envoy sends it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from './index.ts'
import { cluster, FILTERS, get, httpListener, portOf, type Running, rawUpstream, testProxy } from './testing.ts'

const bytes = (text: string) => Buffer.from(text).latin1Slice()

const CORS = `{ "@type": ${FILTERS}.http.cors.v3.CorsPolicy, allow_origin_string_match: [{ exact: "http://a" }], allow_methods: é, allow_headers: ü, expose_headers: ñ }`

describe('text outside of ASCII', () => {
  let proxy: ProxyHandle
  let up: Running

  before(async () => {
    // Node's own server takes no such paths.
    up = await rawUpstream((socket) =>
      socket.once('data', (head) => {
        const length = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${head.length}\r\n\r\n`
        socket.end(Buffer.concat([Buffer.from(length), head]))
      }),
    )
    const routes = [
      '{ match: { prefix: /prefix }, route: { cluster: up, prefix_rewrite: /é } }',
      '{ match: { prefix: /regex }, route: { cluster: up, regex_rewrite: { pattern: { regex: "^/regex" }, substitution: /ü } } }',
      '{ match: { prefix: /host }, route: { cluster: up, host_rewrite_literal: hôst } }',
      '{ match: { prefix: /auto }, route: { cluster: up, auto_host_rewrite: true } }',
      '{ match: { prefix: /to-path }, redirect: { host_redirect: hôst, path_redirect: /é } }',
      '{ match: { prefix: /to-prefix }, redirect: { prefix_rewrite: /ü } }',
      '{ match: { prefix: /to-regex }, redirect: { regex_rewrite: { pattern: { regex: "^/to-regex" }, substitution: /ñ } } }',
      `{ match: { prefix: /cors }, route: { cluster: up }, typed_per_filter_config: { cors: ${CORS} } }`,
      '{ match: { prefix: / }, route: { cluster: up } }',
    ]
    proxy = await testProxy(
      [
        httpListener({
          filters: [`{ name: cors, typed_config: { "@type": ${FILTERS}.http.cors.v3.Cors } }`],
          hcm: `server_name: sérver
via: vía
add_user_agent: true
route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [${routes.join(', ')}] }] }`,
        }),
      ],
      [cluster(up.port).replace('endpoint: { ', 'endpoint: { hostname: inside.é, ')],
      {},
      'node: { id: nöde, cluster: clüster }',
    )
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  const ask = (path: string, headers: Record<string, string> = {}) => get(portOf(proxy), path, { headers })
  /** A part of the head that the upstream got. */
  const seen = async (path: string, part: RegExp) => part.exec((await ask(path)).body)?.[1]

  test('paths and hosts of requests', async () => {
    const path = /^GET ([^ ]*) /
    assert.equal(await seen('/prefix/x', path), bytes('/é/x'))
    assert.equal(await seen('/regex/x', path), bytes('/ü/x'))
    const host = /\nhost: (.*)\r/
    assert.equal(await seen('/host', host), bytes('hôst'))
    assert.equal(await seen('/auto', host), bytes('inside.é'))
  })

  test('names of this proxy', async () => {
    for (const [name, value] of [
      ['x-envoy-downstream-service-node', 'nöde'],
      ['x-envoy-downstream-service-cluster', 'clüster'],
      ['user-agent', 'clüster'],
      ['via', 'vía'],
    ]) {
      assert.equal(await seen('/', new RegExp(`\\n${name}: (.*)\\r`)), bytes(value))
    }
    assert.equal((await ask('/')).headers['server'], bytes('sérver'))
  })

  test('redirects', async () => {
    const to = async (path: string) => String((await ask(path, { host: 'h' })).headers['location'])
    assert.equal(await to('/to-path'), bytes('http://hôst/é'))
    assert.equal(await to('/to-prefix/x'), bytes('http://h/ü/x'))
    assert.equal(await to('/to-regex/x'), bytes('http://h/ñ/x'))
  })

  test('CORS', async () => {
    const answer = await get(portOf(proxy), '/cors', {
      method: 'OPTIONS',
      headers: { origin: 'http://a', 'access-control-request-method': 'GET' },
    })
    assert.equal(answer.headers['access-control-allow-methods'], bytes('é'))
    assert.equal(answer.headers['access-control-allow-headers'], bytes('ü'))
    const { headers } = await ask('/cors', { origin: 'http://a' })
    assert.equal(headers['access-control-expose-headers'], bytes('ñ'))
  })
})
