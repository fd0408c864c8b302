/** Wasm access loggers in a running proxy. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { TypeUrl } from '../../../xds/index.ts'
import { startProxy } from '../../index.ts'
import {
  cluster,
  clusterAny,
  eventually,
  exchange,
  FILTERS,
  get,
  httpListener,
  listenerAny,
  portOf,
  rawUpstream,
  TestControl,
  testProxy,
  upstream,
} from '../../testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-access-log-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0

/** An access log of a module with this code, as YAML. */
function accessLog(code: string, { plugin = '', filter = '' } = {}): string {
  const name = `log-${files++}`
  const file = join(folder, `${name}.wasm`)
  writeFileSync(file, guest(code))
  return `{ name: envoy.access_loggers.wasm, ${filter} typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog, config: { name: ${name}, ${plugin} vm_config: { vm_id: ${name}, code: { local: { filename: "${file}" } } } } } }`
}

/** Counts entries, those with a 200 of /counted apart. */
const COUNTING = `(global $all (mut i32) (i32.const 0))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $proxy_define_metric (i32.const 0) (s "logged") $slot2)) (global.set $all (i32.load $slot2)) (i32.const 1))
  (func (export "proxy_on_log") (param i32)
    (drop (call $proxy_increment_metric (global.get $all) (i64.const 1))))`

const admin = { admin: { host: '127.0.0.1', port: 0 } }

async function stat(address: string | undefined, name: string): Promise<number> {
  const { body } = await get(Number(address?.split(':')[1]), `/stats?filter=${name}`)
  return Number(new RegExp(`^\\S*${name}: (\\d+)$`, 'm').exec(body)?.[1] ?? 0)
}

describe('envoy.access_loggers.wasm', () => {
  it('is told of each request that passes the filter of the log', async () => {
    const up = await upstream()
    const filter = 'filter: { header_filter: { header: { name: x-log, string_match: { exact: "yes" } } } },'
    const proxy = await testProxy(
      [httpListener({ hcm: `access_log: [${accessLog(COUNTING, { filter })}]` })],
      [cluster(up.port)],
      admin,
    )
    try {
      for (const value of ['yes', 'no', 'yes']) await get(portOf(proxy), '/', { headers: { 'x-log': value } })
      await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.logged')) === 2, 'two entries')
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  it('is told of each connection of a TCP proxy', async () => {
    const up = await rawUpstream((socket) => socket.pipe(socket))
    const listener = `
name: web
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains:
- filters:
  - name: tcp
    typed_config:
      "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy
      stat_prefix: tcp
      cluster: up
      access_log: [${accessLog(COUNTING)}]
`
    const proxy = await testProxy([listener], [cluster(up.port)], admin)
    try {
      for (let i = 0; i < 3; i++) assert.equal(await exchange(portOf(proxy), 'hello', 50), 'hello')
      await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.logged')) === 3, 'three entries')
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  it('loses entries while it is dead, never a request, and comes back when it reloads', async () => {
    const up = await upstream()
    const mortal = COUNTING.replace(
      '(func (export "proxy_on_log") (param i32)',
      `(func (export "proxy_on_log") (param i32)
        (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-die") $slot0 $slot1)) (then unreachable))`,
    )
    const plugin = 'failure_policy: FAIL_RELOAD, reload_config: { backoff: { base_interval: 0.02s } },'
    const proxy = await testProxy(
      [httpListener({ hcm: `access_log: [${accessLog(mortal, { plugin })}]` })],
      [cluster(up.port)],
      admin,
    )
    try {
      assert.equal((await get(portOf(proxy), '/', { headers: { 'x-die': '1' } })).status, 200)
      await eventually(async () => (await stat(proxy.adminAddress, 'vm_failure')) === 1, 'its death')
      await eventually(async () => {
        assert.equal((await get(portOf(proxy))).status, 200)
        return (await stat(proxy.adminAddress, 'wasmcustom.logged')) > 0
      }, 'an entry after it')
      assert.equal(await stat(proxy.adminAddress, 'vm_reload_success'), 1)
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  it('comes with a listener from the control plane, and is exchanged with it', async () => {
    const up = await upstream()
    const control = new TestControl()
    const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 2, ...admin })
    try {
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port)) })
      for (const total of [2, 4]) {
        control.set(TypeUrl.listener, {
          web: listenerAny(httpListener({ hcm: `access_log: [${accessLog(COUNTING)}]` })),
        })
        control.push()
        await eventually(() => control.acks.filter((ack) => ack.startsWith('lds')).length === total / 2, 'ack')
        const { port } = await proxy.listening('web')
        await get(port)
        await get(port)
        await eventually(
          async () => (await stat(proxy.adminAddress, 'wasmcustom.logged')) === total,
          `${total} entries`,
        )
      }
      control.set(TypeUrl.listener, {
        web: listenerAny(
          httpListener({
            hcm: `access_log: [${accessLog('(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))')}]`,
          }),
        ),
      })
      control.push()
      await eventually(() => control.nacks.length > 0, 'nack')
      assert.match(control.nacks[0].error, /refused its configuration/)
      const { port } = await proxy.listening('web')
      assert.equal((await get(port)).status, 200)
    } finally {
      await proxy.close(0)
      control.server.close()
      await up.close()
    }
  })

  /** What is wrong, and how the reason names its place. */
  const REFUSED: [string, string, RegExp][] = [
    [
      'no module',
      accessLog('').replace(/code: \{.*?\}\s*\}/, ''),
      /access_log\[0\]\.typed_config\.config\.vm_config\.code/,
    ],
    [
      'a module that is none',
      accessLog('').replace(/log-\d+\.wasm/, '../missing.wasm'),
      /access_log\[0\]\.typed_config\.config\.vm_config\.code\.local/,
    ],
    [
      'a module without ABI',
      accessLog('').replace(/filename: "[^"]*"/, 'inline_bytes: AGFzbQEAAAA='),
      /access_log\[0\]\.typed_config\.config\.vm_config\.code: no proxy_abi_version/,
    ],
    ['a filter that is none', accessLog('', { filter: 'filter: {},' }), /access_log\[0\]\.filter/],
  ]
  for (const [name, text, message] of REFUSED) {
    it(`refuses ${name}`, () =>
      assert.rejects(testProxy([httpListener({ hcm: `access_log: [${text}]` })], [cluster(1)]), { message }))
  }
})
