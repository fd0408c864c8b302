/**
 * Hostile modules under load: while each class of attack runs in each of these callbacks of a running proxy with one data thread, no
 * request of another extension is lost, and each victim serves again.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { ATTACKS, type Attack } from '../../../wasm/testing/attacks.ts'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { cluster, eventually, FILTERS, get, httpListener, portOf, testProxy, upstream } from '../../testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-hostile-'))
after(() => rmSync(folder, { recursive: true }))

/** Lower than the defaults, so that many attacks fit into a test; kept under load all the same. */
const LIMITS = '{"callbackFuel":5000000,"startFuel":50000000,"hostCallBudget":20000,"memoryPages":64}'

function filter(name: string, code: Uint8Array): string {
  const file = join(folder, `${name}.wasm`)
  writeFileSync(file, code)
  const vm = `vm_id: ${name}, code: { local: { filename: "${file}" } }, environment_variables: { key_values: { ISTIO_META_WASM_HOST: '${LIMITS}' } }`
  const reload = 'failure_policy: FAIL_RELOAD, reload_config: { backoff: { base_interval: 0.02s } }'
  return `{ name: ${name}, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: ${name}, ${reload}, vm_config: { ${vm} } } } }`
}

const GOOD = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $proxy_add_header_map_value (i32.const 0) (s "x-good") (s "1"))) (i32.const 0))`

/** Callbacks with their types. */
const PLACES: Readonly<Record<string, string>> = {
  proxy_on_request_headers: '(param i32 i32 i32) (result i32)',
  proxy_on_response_body: '(param i32 i32 i32) (result i32)',
  proxy_on_log: '(param i32)',
  proxy_on_tick: '(param i32)',
}

/** A request with `x-attack` arms the module, another disarms it. */
function victim(place: string, { code, also = '' }: Attack): Uint8Array {
  const type = PLACES[place]
  const attack = `(if (i32.load (i32.const 8)) (then ${code}))`
  const arm =
    '(i32.store (i32.const 8) (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-attack") $slot0 $slot1)))'
  const here = place === 'proxy_on_request_headers'
  return guest(`${also}
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $proxy_set_tick_period_milliseconds (i32.const 10))) (i32.const 1))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${arm} ${here ? attack : ''} (i32.const 0))
    ${here ? '' : `(func (export "${place}") ${type} ${attack} ${type.includes('result') ? '(i32.const 0)' : ''})`}`)
}

/** Requests from a few connections, one after the other, until it is stopped. */
class Load {
  readonly statuses = new Map<string, number>()
  readonly #agent = new Agent({ keepAlive: true })
  readonly #running: Promise<void>[]
  #stopping = false

  constructor(port: number) {
    this.#running = Array.from({ length: 4 }, () => this.#run(port))
  }

  async stop(): Promise<number> {
    this.#stopping = true
    await Promise.all(this.#running)
    this.#agent.destroy()
    return [...this.statuses.values()].reduce((sum, count) => sum + count, 0)
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopping) {
      const seen = await get(port, '/', { agent: this.#agent }).then(
        ({ status, body }) =>
          status === 200 && !body.includes('"x-good":"1"') ? 'changed' : status === 200 ? '200' : `${status} ${body}`,
        (error: Error) => error.message,
      )
      this.statuses.set(seen, (this.statuses.get(seen) ?? 0) + 1)
      // The load shares its thread with the upstream and the attacker.
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

describe('hostile modules under load', () => {
  // The floods are written, to nowhere.
  before(() => {
    mock.method(process.stderr, 'write', (...args: unknown[]) => {
      const done = args.at(-1)
      if (typeof done === 'function') done()
      return true
    })
  })
  after(() => mock.restoreAll())

  for (const place of Object.keys(PLACES)) {
    it(place, async () => {
      const attacks = Object.entries(ATTACKS)
      const listeners = attacks.map(([, attack], i) =>
        httpListener({ name: `l${i}`, filters: [filter(`${place}-${i}`, victim(place, attack))] }),
      )
      const up = await upstream()
      // An upstream that closes an idle connection just as the proxy takes it loses a request in any proxy.
      up.server.keepAliveTimeout = 0
      const proxy = await testProxy(
        [httpListener({ filters: [filter('good', guest(GOOD))] }), ...listeners],
        [cluster(up.port), cluster(up.port, '', 'httpbin')],
        { admin: { host: '127.0.0.1', port: 0 } },
      )
      const admin = Number(proxy.adminAddress?.split(':')[1])
      const counts = async (event: string) => {
        const { body } = await get(admin, `/stats?filter=${event}`)
        return new Map([...body.matchAll(/^wasm\.\S+-(\d+)\.\S+: (\d+)$/gm)].map(([, i, n]) => [Number(i), Number(n)]))
      }
      /** Those whose VM must die. */
      const mortal = attacks.flatMap(([, { cause }], i) => (cause === undefined ? [] : [i]))
      const load = new Load(portOf(proxy))
      try {
        for (const i of attacks.keys()) {
          // What becomes of the attacked request itself, an answer or a broken one, is the attack's.
          await get(portOf(proxy, `l${i}`), '/', { method: 'POST', body: 'x', headers: { 'x-attack': '1' } }).catch(
            () => {},
          )
        }
        await eventually(async () => {
          const dead = await counts('vm_failure')
          return mortal.every((i) => dead.get(i) === 1)
        }, 'the death of all attackers')
        // The pause is 20 ms and up to half more.
        await new Promise((resolve) => setTimeout(resolve, 60))
        for (const [i, [name]] of attacks.entries()) {
          assert.equal((await get(portOf(proxy, `l${i}`))).status, 200, `after ${name}`)
        }
        const reloaded = await counts('vm_reload_success')
        for (const i of mortal) assert.equal(reloaded.get(i), 1, attacks[i][0])
      } finally {
        const sent = await load.stop()
        await proxy.close()
        await up.close()
        assert.deepEqual([...load.statuses.keys()], ['200'])
        assert.ok(sent > 4, `${sent} requests`)
      }
    })
  }
})
