/** Hostile modules under load where they are no HTTP filters: on connections, in access logs, and in updates. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ATTACKS, type Attack } from '../../../wasm/testing/attacks.ts'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { TypeUrl } from '../../../xds/index.ts'
import { startProxy } from '../../index.ts'
import {
  cluster,
  clusterAny,
  eventually,
  FILTERS,
  get,
  httpListener,
  listenerAny,
  portOf,
  rawUpstream,
  TestControl,
  testProxy,
} from '../../testing.ts'
import {
  bystander,
  callback,
  httpFilter,
  Load,
  muteFloods,
  patient,
  pluginConfig,
  slowly,
  strike,
  victims,
} from './testing/hostile.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-hostile-'))
after(() => rmSync(folder, { recursive: true }))
muteFloods()

const admin = { admin: { host: '127.0.0.1', port: 0 } }

describe('hostile modules under load, elsewhere', () => {
  const PLACES: Readonly<Record<string, string>> = {
    proxy_on_new_connection: '(param i32) (result i32)',
    proxy_on_downstream_data: '(param i32 i32 i32) (result i32)',
    proxy_on_upstream_data: '(param i32 i32 i32) (result i32)',
    proxy_on_downstream_connection_close: '(param i32 i32)',
    proxy_on_upstream_connection_close: '(param i32 i32)',
    proxy_on_log: '(param i32)',
    proxy_on_done: '(param i32) (result i32)',
    proxy_on_delete: '(param i32)',
  }

  /** Data that begins with A arms the module, any other disarms it. */
  const ARM = `(drop (call $proxy_get_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 1) $slot0 $slot1))
    (if (i32.load $slot1) (then
      (i32.store (i32.const 8) (i32.eq (i32.load8_u (i32.load $slot0)) (i32.const 65)))))`

  function networkVictim(place: string, attack: Attack): Uint8Array {
    const data = '(param i32 i32 i32) (result i32)'
    const here = place === 'proxy_on_downstream_data'
    const code = here
      ? callback(place, data, attack, ARM)
      : `(func (export "proxy_on_downstream_data") ${data} ${ARM} (i32.const 0)) ${callback(place, PLACES[place], attack)}`
    return guest(`${attack.also ?? ''} ${code}`, { noAllocator: attack.noAllocator ?? false })
  }

  /** Sends, and gives what came back until the end; the peer closes after 'Q'. */
  const talk = (port: number, text: string) =>
    new Promise<string>((resolve) => {
      let got = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.setTimeout(5000, () => socket.destroy())
      socket.on('data', (chunk) => {
        got += chunk
        if (got === text && !text.includes('Q')) socket.end()
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(got))
    })

  it(`connections: ${Object.keys(PLACES).join(', ')}`, async () => {
    const up = await patient()
    const echo = await rawUpstream((socket) =>
      socket.on('data', (chunk) => {
        socket.write(chunk)
        if (chunk.includes('Q')) socket.end()
      }),
    )
    const listeners: string[] = []
    const all = victims(Object.keys(PLACES), (place, attack, name) => {
      listeners.push(`
name: ${name}
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains:
- filters:
  - { name: wasm, typed_config: { "@type": ${FILTERS}.network.wasm.v3.Wasm, config: ${pluginConfig(folder, name, networkVictim(place, attack))} } }
  - { name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: echo } }
`)
      const first = place === 'proxy_on_new_connection'
      return {
        attack: async () => {
          await talk(portOf(proxy, name), place === 'proxy_on_upstream_connection_close' ? 'AQ' : 'A')
          if (first) await talk(portOf(proxy, name), 'A')
        },
        calm: async () => {
          // What lives is still armed when the next connection comes.
          if (attack.cause === undefined) await talk(portOf(proxy, name), 'B')
          assert.equal(await talk(portOf(proxy, name), 'B'), 'B')
        },
      }
    })
    const proxy = await testProxy(
      [bystander(folder), ...listeners],
      [slowly(cluster(up.port)), slowly(cluster(up.port, '', 'httpbin')), slowly(cluster(echo.port, '', 'echo'))],
      admin,
    )
    try {
      await strike(proxy, all)
    } finally {
      await proxy.close(0)
      await Promise.all([up.close(), echo.close()])
    }
  })

  it('access logs: proxy_on_log', async () => {
    const up = await patient()
    const arm =
      '(i32.store (i32.const 8) (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-attack") $slot0 $slot1)))'
    const listeners: string[] = []
    const all = victims(['access-log'], (_, attack, name) => {
      const code = `${attack.also ?? ''} ${callback('proxy_on_log', '(param i32)', attack, arm)}`
      const config = pluginConfig(folder, name, guest(code, { noAllocator: attack.noAllocator ?? false }))
      const type = 'type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog'
      const log = `{ name: wasm, typed_config: { "@type": ${type}, config: ${config} } }`
      listeners.push(httpListener({ name, hcm: `access_log: [${log}]` }))
      // The attacked request itself has had its answer: an entry costs no request.
      const ask = async (headers: Record<string, string>) =>
        assert.equal((await get(portOf(proxy, name), '/', { headers })).status, 200)
      return { attack: () => ask({ 'x-attack': '1' }), calm: () => ask({}) }
    })
    const proxy = await testProxy(
      [bystander(folder), ...listeners],
      [slowly(cluster(up.port)), slowly(cluster(up.port, '', 'httpbin'))],
      admin,
    )
    try {
      await strike(proxy, all)
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  it('updates: proxy_on_vm_start, proxy_on_configure, _initialize', async () => {
    const up = await patient()
    const control = new TestControl()
    const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 1, ...admin })
    const web = listenerAny(bystander(folder))
    const push = (code: Uint8Array) => {
      const victim = httpListener({ name: 'victim', filters: [httpFilter(folder, `update-${pushed++}`, code)] })
      control.set(TypeUrl.listener, { web, victim: listenerAny(victim) })
      return control.push()
    }
    let pushed = 0
    let load: Load | undefined
    try {
      control.set(TypeUrl.cluster, {
        up: clusterAny(slowly(cluster(up.port))),
        httpbin: clusterAny(slowly(cluster(up.port, '', 'httpbin'))),
      })
      push(guest(''))
      const { port } = await proxy.listening('victim')
      load = new Load((await proxy.listening('web')).port)
      const types: Readonly<Record<string, string>> = {
        proxy_on_vm_start: '(param i32 i32) (result i32)',
        proxy_on_configure: '(param i32 i32) (result i32)',
        _initialize: '',
      }
      for (const [place, type] of Object.entries(types)) {
        for (const [title, { code, also = '', noAllocator = false, cause }] of Object.entries(ATTACKS)) {
          const result = type === '' ? '' : '(i32.const 1)'
          const refused = control.nacks.length
          const version = push(guest(`${also} (func (export "${place}") ${type} ${code} ${result})`, { noAllocator }))
          const answered = () => control.nacks.length > refused || control.acks.includes(`lds ${version}`)
          await eventually(answered, `an answer to ${title} in ${place}`, 20_000)
          // Nothing but logging is allowed before the start, so the others are ended there too.
          if (cause !== undefined || place === '_initialize') {
            assert.equal(control.nacks.length, refused + 1, `${title} in ${place} was accepted`)
          }
          assert.equal((await get(port)).status, 200, `after ${title} in ${place}`)
        }
      }
    } finally {
      await load?.stop()
      await proxy.close(0)
      control.server.close()
      await up.close()
    }
  })
})
