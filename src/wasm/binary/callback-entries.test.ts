import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttributeValue } from '../attributes/value.ts'
import type { Limits } from '../limits.ts'
import { createTestHost } from '../testing/test-host.ts'
import { guest } from '../testing/wat-guest.ts'

const LIMITS: Partial<Limits> = { callbackFuel: 1_000_000, startFuel: 20_000_000 }

/** Uses some twelve units for each round. */
const burn = (rounds: number) => `(local $n i32) (local.set $n (i32.const ${rounds}))
  (loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))`

function start(body: string) {
  const host = createTestHost({ limits: LIMITS, trace: true })
  return { host, plugin: host.start(guest(body)) }
}

describe('entries of callbacks', () => {
  it('give each callback the same fuel', () => {
    const { host, plugin } = start(
      `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${burn(50_000)} (i32.const 0))
       (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${burn(50_000)} (i32.const 0))
       (func (export "proxy_on_log") (param i32) ${burn(50_000)})`,
    )
    for (let n = 0; n < 5; n++) {
      const stream = host.stream(plugin)
      stream.request([])
      stream.response([])
      stream.finish()
    }
    assert.equal(plugin.failure, undefined)
  })

  for (const callback of ['proxy_on_vm_start', 'proxy_on_configure']) {
    it(`give ${callback} the fuel of a start`, () => {
      const { plugin } = start(
        `(func (export "${callback}") (param i32 i32) (result i32) ${burn(1_000_000)} (i32.const 1))`,
      )
      assert.equal(plugin.failure, undefined)
    })
  }

  it("give a plugin's own context the fuel of a start, a stream that of a callback", () => {
    const { host, plugin } = start(`(func (export "proxy_on_context_create") (param i32 i32) ${burn(1_000_000)})`)
    const causes = [plugin.failure?.cause]
    host.stream(plugin).request([])
    causes.push(plugin.failure?.cause)
    assert.deepEqual(causes, [undefined, 'fuel'])
  })

  it('cannot be reached from the module, which may call its own callbacks', () => {
    const { host, plugin } = start(
      `(func $again (export "proxy_on_log") (param i32))
       (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
         (loop $l (call $again (i32.const 1)) (br $l)) (i32.const 0))`,
    )
    host.stream(plugin).request([])
    assert.equal(plugin.failure?.cause, 'fuel')
  })

  for (const result of [0, 1, 3, 4, -7, 2 ** 30 + 4, -(2 ** 31), 2 ** 31 - 1]) {
    for (const rounds of [1, 50_000]) {
      it(`give back ${result} ${rounds === 1 ? 'at once' : 'after long'}`, () => {
        const { host, plugin } = start(
          `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             ${burn(rounds)} (i32.const ${result}))`,
        )
        host.stream(plugin).request([])
        assert.equal(host.trace.find((entry) => entry.name === 'proxy_on_request_headers')?.result, result)
      })
    }
  }

  it('are not to be seen in a backtrace', () => {
    const { host, plugin } = start(
      `(func $die unreachable)
       (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $die) (i32.const 0))`,
    )
    host.stream(plugin).request([])
    const names = plugin.failure?.backtrace.map((frame) => frame.replace(/@.*/, ''))
    assert.deepEqual(names, ['die', 'proxy_on_request_headers'])
  })

  it('do not refill the callback within which another runs', () => {
    let within: (() => void) | undefined
    const attributes = {
      get: (): AttributeValue => {
        within?.()
        return 'value'
      },
    } as unknown as ReadonlyMap<string, AttributeValue>
    const host = createTestHost({ limits: LIMITS, attributes })
    const plugin = host.start(
      guest(
        `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
         (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${burn(50_000)}
           (drop (call $proxy_get_property (s "xds\\00node") $slot0 $slot1))
           (local.set $n (i32.const 50000))
           (loop $m (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $m (local.get $n)))
           (i32.const 0))`,
      ),
    )
    const stream = host.stream(plugin)
    stream.request([])
    let ran = 0
    within = () => {
      ran++
      host.stream(plugin).request([])
    }
    stream.response([])
    assert.equal(ran, 1)
    assert.equal(plugin.failure?.cause, 'fuel')
  })
})
