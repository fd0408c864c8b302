/** What a proxy leaves of clusters, listeners and secrets that are removed, beside Envoy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Authority, inline, type Pair, TLS } from '../../src/proxy/listener/testing.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  eventually,
  FILTERS,
  get,
  httpListener,
  listenerAny,
} from '../../src/proxy/testing.ts'
import type { RunningProxy } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'
import { AdsPeers } from './ads-peers.ts'
import { listener } from './secret-listener.ts'

const peer = await envoy()
const DIRECT = '[{ match: { prefix: / }, direct_response: { status: 200 } }]'
const AUTHZ = `{ name: ext_authz, typed_config: { "@type": ${FILTERS}.http.ext_authz.v3.ExtAuthz, http_service: { server_uri: { uri: http://a, cluster: gone, timeout: 3600s } } } }`
const SCRIPT = `function envoy_on_request(handle)
  local question = { [":method"] = "GET", [":path"] = "/lua", [":authority"] = "a" }
  local headers, body = handle:httpCall("gone", question, "", 3600000)
  handle:respond({ [":status"] = "222" }, tostring(body) .. " " .. headers[":status"])
end`
const LUA = `{ name: lua, typed_config: { "@type": ${FILTERS}.http.lua.v3.Lua, default_source_code: { inline_string: ${JSON.stringify(SCRIPT)} } } }`

describe('what is removed, beside Envoy', { skip: peer.skip }, () => {
  let peers: AdsPeers
  let pair: Pair
  let port: number
  /** Requests that nobody has answered yet, by path. */
  const held = new Map<string, ServerResponse[]>()
  const upstream = createServer((request, response) => {
    const path = request.url ?? ''
    if (path === '/at-once') response.end('at once')
    else held.set(path, [...(held.get(path) ?? []), response])
  })

  const clusters = () => ({
    gone: clusterAny(cluster(port, '', 'gone')),
    'gone.not': clusterAny(cluster(port, '', 'gone.not')),
  })
  const listeners = {
    authz: listenerAny(httpListener({ name: 'authz', filters: [AUTHZ], routes: DIRECT })),
    lua: listenerAny(httpListener({ name: 'lua', filters: [LUA], routes: DIRECT, listener: 'stat_prefix: lua' })),
    plain: listenerAny(
      httpListener({
        name: 'plain',
        routes:
          '[{ match: { prefix: /at-once }, route: { cluster: gone, request_mirror_policies: [{ cluster: gone }] } }, { match: { prefix: /mirror }, route: { cluster: gone.not, request_mirror_policies: [{ cluster: gone }] } }, { match: { prefix: / }, route: { cluster: gone, timeout: 3600s } }]',
      }),
    ),
  }

  before(async () => {
    const authority = await new Authority().start()
    pair = await authority.issue([{ type: 'dns', value: 'one.example' }])
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    port = (upstream.address() as AddressInfo).port
    peers = await AdsPeers.start(peer.path)
  })

  after(async () => {
    await peers?.stop()
    upstream.closeAllConnections()
    upstream.close()
  })

  const both = <T>(look: (proxy: RunningProxy) => Promise<T>) => Promise.all(peers.proxies.map(look))
  const count = async (proxy: RunningProxy, filter: string) =>
    (await peers.admin(proxy, `/stats?filter=${filter}`)).split('\n').length - 1

  for (const [what, change] of [
    ['is replaced', { gone: clusterAny(cluster(1, 'per_connection_buffer_limit_bytes: 99', 'gone')) }],
    ['is removed', {}],
  ] as const) {
    test(`calls of filters and mirrors end when their cluster ${what}, requests of clients go on`, async () => {
      held.clear()
      peers.push(clusters(), listeners)
      const answers = await both(async (proxy) => {
        const at = (name: string) => peers.port(proxy, name)
        await eventually(async () => (await get(await at('plain'), '/at-once')).status === 200, 'the cluster')
        return [
          get(await at('authz'), '/authz'),
          get(await at('lua')),
          get(await at('plain'), '/held'),
          get(await at('plain'), '/mirror'),
        ]
      })
      const waiting = ['/authz', '/lua', '/held', '/mirror']
      const underWay = () => waiting.map((path) => held.get(path)?.filter((one) => !one.destroyed).length)
      // Both proxies have asked for each, for what is mirrored twice.
      await eventually(() => String(underWay()) === '2,2,2,4', 'all requests')
      const { gone: _, ...rest } = clusters()
      peers.push({ ...rest, ...change }, listeners)
      await eventually(() => String(underWay()) === '0,0,2,2', 'the end of calls and mirrors')
      for (const path of ['/held', '/mirror']) for (const response of held.get(path) ?? []) response.end('late')
      const [theirs, ours] = await Promise.all(answers.map((list) => Promise.all(list)))
      const shown = (list: typeof ours) => list.map(({ status, body }) => `${status} ${body}`)
      assert.deepEqual(shown(ours), shown(theirs))
      assert.deepEqual(shown(ours), ['403 ', '222 upstream failure 503', '200 late', '200 late'])
    })
  }

  test('statistics of a replaced cluster stay, those of a removed one go', async () => {
    peers.push(clusters(), listeners)
    const answered = async (proxy: RunningProxy) => {
      const text = await peers.admin(proxy, '/stats?filter=^cluster.gone.upstream_rq_(2xx|200|total)$')
      return text.trim().split('\n')
    }
    await both(async (proxy) => {
      const plain = await peers.port(proxy, 'plain')
      await eventually(async () => (await get(plain, '/at-once')).status === 200, 'the cluster')
    })
    const replaced = { ...clusters(), gone: clusterAny(cluster(port, 'per_connection_buffer_limit_bytes: 99', 'gone')) }
    const [, before] = await both(answered)
    assert.equal(before.length, 3)
    peers.push(replaced, listeners)
    const buffer = async (proxy: RunningProxy) =>
      (await peers.admin(proxy, '/config_dump')).includes('"per_connection_buffer_limit_bytes": 99')
    await both((proxy) => eventually(() => buffer(proxy), 'the new cluster'))
    // Envoy begins anew with those that only answers bring about (2xx, 200).
    const [theirs, ours] = await both(answered)
    assert.deepEqual(ours, before)
    assert.equal(
      theirs.find((line) => line.includes('total')),
      ours.find((line) => line.includes('total')),
    )
    const { gone: _, ...rest } = clusters()
    peers.push(rest, listeners)
    await both((proxy) => eventually(async () => (await count(proxy, '^cluster.gone.upstream')) === 0, 'the end of it'))
    await both(async (proxy) => {
      assert.ok((await count(proxy, '^cluster.gone.not.upstream')) > 10)
      const listed = await peers.admin(proxy, '/clusters')
      assert.ok(listed.includes('gone.not::'))
      assert.ok(!listed.includes('gone::'))
    })
  })

  test('statistics of a removed listener go, and what it alone counted of its filters', async () => {
    peers.push(clusters(), listeners)
    await both((proxy) => peers.port(proxy, 'lua'))
    for (const name of ['listener.lua', 'http.lua'])
      await both(async (proxy) => assert.ok((await count(proxy, `^${name}`)) > 0, name))
    const { lua: _, ...rest } = listeners
    peers.push(clusters(), rest)
    for (const name of ['listener.lua', 'http.lua'])
      await both((proxy) => eventually(async () => (await count(proxy, `^${name}`)) === 0, `the end of ${name}`))
    await both(async (proxy) => assert.ok((await count(proxy, '^http.plain')) > 0))
  })

  test('connections of a filter chain that is gone end when the drain time is over', async () => {
    const tcp = (prefix: string) =>
      listenerAny(
        JSON.stringify({
          name: 'tcp',
          address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
          filter_chains: [
            {
              filters: [
                {
                  name: 'tcp',
                  typed_config: {
                    '@type': `${FILTERS}.network.tcp_proxy.v3.TcpProxy`,
                    stat_prefix: prefix,
                    cluster: 'gone',
                  },
                },
              ],
            },
          ],
        }),
      )
    peers.push(clusters(), { tcp: tcp('a') })
    const closed = await both(async (proxy) => {
      const client = connect(await peers.port(proxy, 'tcp'), '127.0.0.1')
      client.write('GET /at-once HTTP/1.1\r\nhost: a\r\n\r\n')
      await within('an answer', once(client, 'data'), proxy.log)
      return once(
        client.on('error', () => {}),
        'close',
      )
    })
    peers.push(clusters(), { tcp: tcp('b') })
    await within('the ends of both connections', Promise.all(closed))
  })

  test('statistics of a secret go with the last that uses it', async () => {
    const secret = anyYaml(
      `{ "@type": ${TLS}.Secret, name: cert, tls_certificate: { certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)} } }`,
    )
    const tls = listenerAny(JSON.stringify(listener('cert', { ads: {} })))
    peers.push({}, { cert: tls }, { cert: secret })
    await both((proxy) => peers.port(proxy, 'cert'))
    await both(async (proxy) => assert.ok((await count(proxy, '^sds.cert')) > 0))
    await both(async (proxy) => assert.match(await peers.admin(proxy, '/certs'), /one.example/))
    peers.push({}, {}, {})
    for (const name of ['sds.cert', 'listener.cert'])
      await both((proxy) => eventually(async () => (await count(proxy, `^${name}`)) === 0, `the end of ${name}`))
    await both(async (proxy) => assert.doesNotMatch(await peers.admin(proxy, '/certs'), /one.example/))
  })
})
