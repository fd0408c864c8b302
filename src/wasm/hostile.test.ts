/**
 * Hostile modules: each class of crashes that other hosts have had, in each callback. Whatever it does, other plugins and other requests go on, the host does
 * not throw, and with FAIL_RELOAD the next request after the pause is served.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CALLBACKS, type CallbackName } from './abi/signatures.ts'
import type { FailureCause } from './failure.ts'
import { createTestHost, HeaderMap, type TestHost, type TestStream } from './index.ts'
import { ATTACKS, type Attack, pairsOf } from './testing/attacks.ts'
import { guest } from './testing/wat-guest.ts'

/** Callbacks in which an attack is tried, with the answer that keeps a stream going. */
const PLACES: Readonly<Partial<Record<CallbackName, number>>> = {
  proxy_on_context_create: 0,
  proxy_on_request_headers: 0,
  proxy_on_request_body: 0,
  proxy_on_request_trailers: 0,
  proxy_on_response_headers: 0,
  proxy_on_response_body: 0,
  proxy_on_response_trailers: 0,
  proxy_on_log: 0,
  proxy_on_done: 1,
  proxy_on_delete: 0,
  proxy_on_tick: 0,
  proxy_on_queue_ready: 0,
  proxy_on_http_call_response: 0,
}

/** The attack happens once the VM has been armed by a first word of memory, so that a start goes well. */
function hostile(place: CallbackName, { code, also, noAllocator = false }: Attack): Uint8Array {
  const [params, results] = CALLBACKS[place].split('>')
  const setUp = `(func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))
    (drop (call $proxy_register_shared_queue (s "ready") $slot9))
    (drop (call $proxy_http_call (s "httpbin") (s "${pairsOf()}") (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) $slot8))
    (i32.store (i32.const 8) (i32.const 1)) (i32.const 1))`
  return guest(
    `${also ?? ''} ${setUp}
    (func (export "${place}") (param ${'i32 '.repeat(params.length)}) ${results === '' ? '' : '(result i32)'}
      (if (i32.load (i32.const 8)) (then ${code})) ${results === '' ? '' : `(i32.const ${PLACES[place]})`})`,
    { memory: '2', noAllocator },
  )
}

const GOOD = guest(
  '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (drop (call $proxy_add_header_map_value (i32.const 0) (s "x-good") (s "1"))) (i32.const 0))',
)

/** A whole exchange, with everything that can happen on a stream. */
function exchange(stream: TestStream): void {
  stream.request([['x-a', '1']], false)
  stream.requestData('body', false)
  stream.requestEnd([['x-t', '1']])
  if (stream.localReply === undefined && stream.closed === undefined) {
    stream.response([['x-b', '2']], false)
    stream.responseData('answer', false)
    stream.responseEnd([['x-u', '1']])
  }
  stream.finish()
}

const LIMITS = { callbackFuel: 500_000, startFuel: 2_000_000, hostCallBudget: 20_000, memoryPages: 32 }

function attackEverything(host: TestHost): void {
  for (const pending of host.httpCalls)
    pending.answer({ headers: HeaderMap.of([[':status', '200']]), body: Buffer.alloc(0), trailers: undefined })
  const queue = host.shared.resolveQueue('bad', 'ready')
  if (queue > 0) host.shared.enqueue(queue, Buffer.from('x'))
  host.advance(1000)
}

describe('hostile modules', () => {
  for (const [name, attack] of Object.entries(ATTACKS)) {
    for (const place of Object.keys(PLACES) as CallbackName[]) {
      it(`${name} in ${place}`, async () => {
        const host = createTestHost({ limits: LIMITS })
        const good = host.start(GOOD, { name: 'good' })
        const bystander = host.stream(good)
        bystander.request([], false)
        const config = { name: 'bad', vmId: 'bad', failurePolicy: 'FAIL_RELOAD', reloadIntervalMs: 1 } as const
        const plugin = host.start(hostile(place, attack), config)
        exchange(host.stream(plugin))
        attackEverything(host)
        // Notices of queues come by the event loop.
        await new Promise((resolve) => setImmediate(resolve))
        if (attack.cause === undefined) {
          assert.equal(plugin.failure, undefined, plugin.failure?.message)
        } else {
          const failure = plugin.failure
          assert.ok(failure !== undefined, 'the VM is dead')
          assert.ok([attack.cause].flat().includes(failure.cause), `${failure.cause}: ${failure.message}`)
          assert.equal(failure.callback, place)
          assert.equal(failure.plugin, 'bad')
        }
        // Nothing else is touched.
        assert.equal(bystander.requestData('x'), 'continue')
        assert.equal(bystander.response(), 'continue')
        bystander.finish()
        const another = host.stream(good)
        assert.equal(another.request(), 'continue')
        assert.equal(another.requestHeaders?.get('x-good'), '1')
        // What the module piled up is bounded.
        assert.ok(host.metrics.size <= 1000)
        assert.ok(host.httpCalls.length <= 1001)
        assert.ok(host.logs.length <= 1000, `${host.logs.length} lines`)
        assert.ok(plugin.vm.memory.length <= LIMITS.memoryPages * 65536)
        // And a new VM takes its place.
        if (attack.cause !== undefined) {
          host.advance(70_000)
          const fresh = host.stream(plugin)
          const code =
            place === 'proxy_on_context_create' || place === 'proxy_on_request_headers' ? 'replied' : 'continue'
          assert.equal(fresh.request(), code)
          assert.ok(host.events.some(({ event }) => event === 'vm_reload_success'))
        }
        plugin.close()
        good.close()
      })
    }
  }

  /** Allocators (cpp-host's bad_malloc.rs): each is called for a header value. */
  const ALLOCATORS: [string, string, FailureCause | readonly FailureCause[]][] = [
    ['returns nothing', '(i32.const 0)', 'allocator'],
    ['returns an address outside', '(i32.const -16)', 'allocator'],
    ['returns the last byte', '(i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))', 'allocator'],
    ['traps', 'unreachable', 'trap'],
    ['never returns', '(loop (br 0)) (i32.const 0)', 'fuel'],
    ['recurses', '(call $m (local.get 0))', ['stack_overflow', 'fuel']],
    ['calls the host', '(drop (call $proxy_continue_stream (i32.const 0))) (i32.const 65536)', 'restricted_call'],
    [
      'calls the host and catches',
      '(try (do (drop (call $proxy_continue_stream (i32.const 0)))) (catch_all)) (i32.const 65536)',
      'restricted_call',
    ],
    [
      'asks for itself',
      '(drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)) (i32.const 65536)',
      'restricted_call',
    ],
  ]
  for (const [name, code, cause] of ALLOCATORS) {
    it(`an allocator that ${name}`, () => {
      const host = createTestHost({ limits: LIMITS })
      const plugin = host.start(
        guest(
          `(func $m (export "malloc") (param i32) (result i32) ${code})
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)) (i32.const 0))`,
          { noAllocator: true },
        ),
      )
      assert.equal(host.stream(plugin).request([[':path', '/long']]), 'replied')
      assert.ok([cause].flat().includes(plugin.failure?.cause as FailureCause), plugin.failure?.message)
    })
  }

  it('an allocator that grows memory, by nothing or by a page, keeps results right', () => {
    for (const pages of [0, 1]) {
      const host = createTestHost()
      const plugin = host.start(
        guest(
          `(global $at (mut i32) (i32.const 65536))
           (func (export "malloc") (param i32) (result i32)
             (drop (memory.grow (i32.const ${pages}))) (global.set $at (i32.add (global.get $at) (i32.const 64))) (global.get $at))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)) (call $show)
             (drop (call $proxy_get_property (s "plugin_name") $slot0 $slot1)) (call $show) (i32.const 0))`,
          { noAllocator: true },
        ),
      )
      host.stream(plugin).request([[':path', '/grown']])
      assert.deepEqual(
        host.logs.map((line) => line.message),
        ['/grown', 'test'],
      )
    }
  })

  it('ends a module that catches the faults of its host calls at its next loop', () => {
    const host = createTestHost({ limits: LIMITS })
    const plugin = host.start(
      guest(
        `(func (export "malloc") (param i32) (result i32) (i32.const 0))
         (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
           (loop $l
             (try (do (drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)))
               (catch_all (i32.store $slot2 (i32.add (i32.load $slot2) (i32.const 1)))))
             (br $l)) (i32.const 0))`,
        { noAllocator: true },
      ),
    )
    assert.equal(host.stream(plugin).request(), 'replied')
    assert.equal(plugin.vm.view.getUint32(72, true), 1)
    assert.equal(plugin.failure?.cause, 'allocator', 'what happened first')
  })

  for (const [results, call] of [
    ['short', '(call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)'],
    ['long', '(call $proxy_get_header_map_value (i32.const 0) (s "x-long") $slot0 $slot1)'],
    ['many', '(call $proxy_get_header_map_pairs (i32.const 0) $slot0 $slot1)'],
  ]) {
    it(`ends a module whose allocator throws, though it catches that (${results})`, () => {
      const host = createTestHost({ limits: LIMITS })
      const plugin = host.start(
        guest(
          `(tag $e) (func (export "malloc") (param i32) (result i32) (throw $e))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (try (do (drop ${call})) (catch_all)) (i32.const 0))`,
          { noAllocator: true },
        ),
      )
      assert.equal(host.stream(plugin).request([['x-long', 'x'.repeat(500)]]), 'replied')
      assert.equal(plugin.failure?.cause, 'allocator')
      assert.match(plugin.failure?.message, /threw/)
    })
  }

  it('allows logging and clocks from within the allocator (Go polls there)', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(
        `(func (export "malloc") (param i32) (result i32)
           (drop (call $proxy_log (i32.const 2) (s "in malloc")))
           (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 256)))
           (drop (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)))
           (i32.const 65536))
         (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
           (drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)) (i32.const 0))`,
        { noAllocator: true },
      ),
    )
    assert.equal(host.stream(plugin).request(), 'continue')
    assert.deepEqual(
      host.logs.map((line) => line.message),
      ['in malloc'],
    )
  })

  it('is never asked for nothing (the Go SDK panics)', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(
        `(func (export "malloc") (param $n i32) (result i32) (if (i32.eqz (local.get $n)) (then unreachable)) (i32.const 65536))
         (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
           (drop (call $proxy_get_header_map_value (i32.const 0) (s "x-empty") $slot0 $slot1)) (call $status (i32.load $slot0))
           (drop (call $proxy_get_header_map_pairs (i32.const 2) $slot0 $slot1))
           (drop (call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 10) $slot0 $slot1))
           (drop (call $proxy_get_status $slot2 $slot0 $slot1)) (i32.const 0))`,
        { noAllocator: true },
      ),
    )
    assert.equal(host.stream(plugin).request([['x-empty', '']]), 'continue')
    assert.deepEqual(
      host.logs.map((line) => line.message),
      ['status 00'],
    )
  })
})
