/** Wasm services in a running proxy. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import { pairsOf } from '../../../wasm/testing/attacks.ts'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { TypeUrl } from '../../../xds/index.ts'
import { backgroundServices } from '../../bootstrap.ts'
import { parseBootstrap, startProxy } from '../../index.ts'
import {
  cluster,
  clusterAny,
  eventually,
  get,
  httpListener,
  portOf,
  TestControl,
  testProxy,
  upstream,
} from '../../testing.ts'
import { DataPlane } from '../../worker/data-plane.ts'
import { prepareService } from './service.ts'
import { threadVms } from './services.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-service-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0

/** A bootstrap's extensions with one service of a module with this code. */
function service(code: string, { plugin = '', singleton = false } = {}): string {
  const name = `service-${files++}`
  const file = join(folder, `${name}.wasm`)
  writeFileSync(file, guest(code))
  return `bootstrap_extensions: [{ name: envoy.bootstrap.wasm, typed_config: { "@type": type.googleapis.com/envoy.extensions.wasm.v3.WasmService, singleton: ${singleton}, config: { name: ${name}, ${plugin} vm_config: { vm_id: ${name}, code: { local: { filename: "${file}" } } } } } }]`
}

const define = (name: string, global: string) =>
  `(drop (call $proxy_define_metric (i32.const 0) (s "${name}") $slot2)) (global.set ${global} (i32.load $slot2))`
const count = (global: string) => `(drop (call $proxy_increment_metric (global.get ${global}) (i64.const 1)))`

/** Counts its starts and, every 10 ms, a tick, in which `code` runs. */
const ticking = (code = '') => `(global $starts (mut i32) (i32.const 0)) (global $ticks (mut i32) (i32.const 0))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    ${define('starts', '$starts')} ${define('ticks', '$ticks')} ${count('$starts')}
    (drop (call $proxy_set_tick_period_milliseconds (i32.const 10))) (i32.const 1))
  (func (export "proxy_on_tick") (param i32) ${count('$ticks')} ${code})`

const CALL = `(drop (call $proxy_http_call (s "later") (s "${pairsOf()}") (i32.const 0) (i32.const 0)
  (i32.const 0) (i32.const 0) (i32.const 1000) $slot5))`

const options = { admin: { host: '127.0.0.1', port: 0 } }

async function stat(address: string | undefined, name: string): Promise<number> {
  const { body } = await get(Number(address?.split(':')[1]), `/stats?filter=${name}`)
  return Number(new RegExp(`^\\S*${name}: (\\d+)$`, 'm').exec(body)?.[1] ?? 0)
}

describe('envoy.bootstrap.wasm', () => {
  for (const [singleton, workers, starts] of [
    [false, 2, 2],
    [true, 2, 1],
    [true, 1, 1],
  ] as const) {
    it(`${singleton ? 'a singleton' : 'a service of each worker'} starts ${starts} times with ${workers} workers`, async () => {
      const proxy = await testProxy([], [], { ...options, workers }, service(ticking(), { singleton }))
      try {
        await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.ticks')) > 3, 'ticks')
        assert.equal(await stat(proxy.adminAddress, 'wasmcustom.starts'), starts)
      } finally {
        await proxy.close()
      }
    })
  }

  it('a singleton has a thread beside the data threads, and comes back when that one is lost', async () => {
    const up = await upstream()
    const proxy = await testProxy(
      [httpListener({})],
      [cluster(up.port)],
      { ...options, workers: 1 },
      service(ticking(), { singleton: true }),
    )
    try {
      await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.ticks')) > 0, 'ticks')
      await proxy.workers.kill(1)
      assert.equal((await get(portOf(proxy))).status, 200)
      await eventually(() => proxy.workers.restarts === 1, 'a new thread')
      await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.ticks')) > 0, 'ticks of the new one')
      assert.equal((await get(portOf(proxy))).status, 200)
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  for (const singleton of [false, true]) {
    it(`calls a cluster that the control plane adds later (singleton: ${singleton})`, async () => {
      const up = await upstream()
      const control = new TestControl()
      const bootstrap = parseBootstrap(service(ticking(CALL), { singleton }), 'test')
      const proxy = await startProxy({
        ...options,
        bootstrap,
        ads: control.transport,
        node: { id: 'test' },
        workers: 1,
      })
      try {
        await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.ticks')) > 2, 'ticks')
        assert.deepEqual(up.requests, [])
        control.set(TypeUrl.cluster, { later: clusterAny(cluster(up.port, '', 'later')) })
        control.push()
        await eventually(() => up.requests.includes('GET /'), 'a call')
      } finally {
        await proxy.close(0)
        control.server.close()
        await up.close()
      }
    })

    it(`starts again after a trap with FAIL_RELOAD, stays dead otherwise (singleton: ${singleton})`, async () => {
      const reload = 'failure_policy: FAIL_RELOAD, reload_config: { backoff: { base_interval: 0.02s } },'
      for (const plugin of [reload, '']) {
        const proxy = await testProxy([], [], options, service(ticking('unreachable'), { singleton, plugin }))
        try {
          await eventually(async () => (await stat(proxy.adminAddress, 'vm_failure')) > 0, 'a death')
          if (plugin === '') await new Promise((resolve) => setTimeout(resolve, 60))
          else await eventually(async () => (await stat(proxy.adminAddress, 'wasmcustom.starts')) > 2, 'new starts')
          if (plugin === '') assert.equal(await stat(proxy.adminAddress, 'wasmcustom.starts'), 1)
        } finally {
          await proxy.close()
        }
      }
    })
  }

  it('ends with its thread', async () => {
    const { path, config, name } = backgroundServices(
      parseBootstrap(service(ticking(), { singleton: true }), 'test'),
    )[0]
    const prepared = await prepareService({ path, config, name, singleton: true })
    const plane = new DataPlane(create(NodeSchema), 0, { role: 'services' })
    const { result, swap } = await plane.prepare({ kind: 'service', name, prepared, singleton: true })
    assert.equal(result.error, undefined)
    swap.commit()
    assert.equal(threadVms.size, 1)
    await plane.drain(0)
    assert.equal(threadVms.size, 0)
  })

  const good = service('')
  /** What is wrong, and how the reason names its place. */
  const REFUSED: [string, string, RegExp][] = [
    [
      'another extension',
      'bootstrap_extensions: [{ name: x, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]',
      /bootstrap\.bootstrap_extensions\[0\]\.typed_config: type envoy\.extensions\.filters\.http\.router\.v3\.Router/,
    ],
    ['no typed config', 'bootstrap_extensions: [{ name: x }]', /bootstrap_extensions\[0\]\.typed_config/],
    [
      'no module',
      good.replace(/code: \{.*?\}\s*\}/, ''),
      /bootstrap_extensions\[0\]\.typed_config\.config\.vm_config\.code: is missing/,
    ],
    [
      'a module without ABI',
      good.replace(/filename: "[^"]*"/, 'inline_bytes: AGFzbQEAAAA='),
      /bootstrap_extensions\[0\]\.typed_config\.config\.vm_config\.code: no proxy_abi_version/,
    ],
    [
      'a service that refuses its configuration',
      service('(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))'),
      /bootstrap_extensions\[0\]\.typed_config: .*refused its configuration/,
    ],
    [
      'a singleton that traps at the start',
      service('(func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)', { singleton: true }),
      /bootstrap_extensions\[0\]\.typed_config: .*proxy_on_vm_start: unreachable/,
    ],
  ]
  for (const [name, more, message] of REFUSED) {
    it(`refuses ${name}`, () => assert.rejects(testProxy([], [], {}, more), { message }))
  }
})
