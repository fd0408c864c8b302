import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { type Abi, buildExtension } from '../../../sdk/assemblyscript/build.ts'
import { createTestHost, type TestHost } from '../../../src/wasm/index.ts'

const ENTRY = fileURLToPath(new URL('../assembly/index.ts', import.meta.url))
const ABIS: Abi[] = ['0.1.0', '0.2.0', '0.2.1']

function config(max: unknown, perRefill: unknown, interval: unknown): string {
  return JSON.stringify({ max_tokens: max, tokens_per_refill: perRefill, refill_interval_sec: interval })
}

for (const abi of ABIS) {
  describe(`local_rate_limit for ABI ${abi}`, async () => {
    const bytes = await buildExtension(ENTRY, { abi, cacheDir: join(tmpdir(), 'sluice-extensions') })
    const module = createTestHost().compile(bytes)
    const start = (configuration: string, host: TestHost = createTestHost(), name = 'limit') => {
      const plugin = host.start(module, { name, configuration })
      /** How many of so many requests pass. */
      const send = (count: number): number => {
        let passed = 0
        for (let i = 0; i < count; i++) {
          const stream = host.stream(plugin)
          if (stream.request([[':path', '/']]) === 'continue') passed++
          else {
            const { status, body, details, headers } = stream.localReply!
            assert.deepEqual(
              [status, Buffer.from(body).toString(), details],
              [429, 'rate_limited', 'Too_many_requests'],
            )
            assert.deepEqual([...headers], [])
          }
          stream.finish()
        }
        return passed
      }
      return { host, plugin, send }
    }

    test('TestLocalRateLimit', () => {
      // istio-ecosystem/wasm-extensions test/localratelimit
      const { host, send } = start(config(20, 10, 1))
      host.advance(3000)
      assert.equal(send(20), 20)
      assert.equal(send(10), 0)
      host.advance(1500)
      assert.equal(send(10), 10)
      assert.equal(send(10), 0)
    })

    test('begins with one refill, no more than the bucket holds', () => {
      assert.equal(start(config(50, 20, 60)).send(100), 20)
      assert.equal(start(config(5, 20, 60)).send(100), 5)
    })

    test('refills in steps, and never loses a part of a step', () => {
      const { host, send } = start(config(100, 1, 10))
      assert.equal(send(5), 1)
      host.advance(9999)
      assert.equal(send(5), 0)
      host.advance(1)
      assert.equal(send(5), 1)
      host.advance(15_000)
      assert.equal(send(5), 1)
      host.advance(5000)
      assert.equal(send(5), 1)
    })

    test('an interval of 0 never refills', () => {
      const { host, send } = start(config(10, 2, 0))
      assert.equal(send(5), 2)
      host.advance(1e9)
      assert.equal(send(5), 0)
    })

    test('a changed configuration keeps the tokens that are left', () => {
      const host = createTestHost()
      const first = start(config(10, 10, 60), host)
      assert.equal(first.send(8), 8)
      assert.equal(start(config(10, 10, 30), host).send(10), 2)
    })

    test('two plugins of one virtual machine have a bucket each', () => {
      const host = createTestHost()
      const a = start(config(3, 3, 60), host, 'a')
      const b = start(config(3, 3, 60), host, 'b')
      assert.deepEqual([a.send(5), b.send(5)], [3, 3])
    })

    const configurations: [string, boolean, RegExp?][] = [
      ['', false, /cannot parse plugin configuration/],
      ['{', false, /cannot parse plugin configuration/],
      ['[]', false, /cannot parse plugin configuration/],
      ['{}', false, /max_tokens must be provided/],
      [config(1, undefined, 1), false, /tokens_per_refill must be provided/],
      [config(1, 1, undefined), false, /refill_interval_sec must be provided/],
      [config(true, 1, 1), false, /cannot parse max_tokens/],
      [config(null, 1, 1), false, /cannot parse max_tokens/],
      [config([1], 1, 1), false, /cannot parse max_tokens/],
      [config('x', 1, 1), false, /cannot parse max_tokens/],
      [config(-1, 1, 1), false, /cannot parse max_tokens/],
      [config('20', ' 1 ', 1), true],
      [config(1.9, 1, 1), true],
      [config(0, 0, 0), true],
    ]
    for (const [json, accepted, said] of configurations) {
      test(`configuration ${json}`, () => {
        const host = createTestHost()
        if (accepted) start(json, host)
        else {
          assert.throws(() => start(json, host), { name: 'SluiceError' })
          assert.match(host.logText[0], said!)
        }
      })
    }

    test('lets pass what a bucket that is refilled on the second would', () => {
      const small = fc.integer({ min: 0, max: 6 })
      const step = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 8 }))
      fc.assert(
        fc.property(small, small, fc.integer({ min: 0, max: 3 }), fc.array(step), (max, perRefill, interval, steps) => {
          const { host, send } = start(config(max, perRefill, interval))
          let tokens = Math.min(max, perRefill)
          let time = 0
          for (const [pause, count] of steps) {
            const before = time
            time += pause
            host.advance(pause)
            const refills =
              interval === 0 ? 0 : Math.floor(time / interval / 1000) - Math.floor(before / interval / 1000)
            tokens = Math.min(max, tokens + refills * perRefill)
            const expected = Math.min(count, tokens)
            assert.equal(send(count), expected)
            tokens -= expected
          }
        }),
      )
    })

    test('huge numbers do not overflow', () => {
      const { host, send } = start(config('9223372036854775807', '9223372036854775807', 1))
      host.advance(1e10)
      assert.equal(send(3), 3)
    })
  })
}
