import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTestHost, type PluginConfig, type TestHost, type TestStream } from './index.ts'
import { guest } from './testing/wat-guest.ts'

const say = (text: string) => `(drop (call $proxy_log (i32.const 2) (s "${text}")))`
const messages = (host: TestHost) => host.logs.map((line) => line.message)

describe('Plugin.start', () => {
  it('creates, starts and configures the root context in this order (cpp-host)', () => {
    const host = createTestHost()
    host.start(
      guest(`(func (export "_initialize") ${say('initialize')})
        (func (export "proxy_on_context_create") (param i32 i32) ${say('create')} (call $status (local.get 1)))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32) ${say('vm')} (call $status (local.get 1)) (i32.const 1))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) ${say('conf')} (call $status (local.get 1)) (i32.const 1))`),
      { vmConfiguration: 'abc', configuration: 'four' },
    )
    assert.deepEqual(messages(host), ['initialize', 'create', 'status 00', 'vm', 'status 03', 'conf', 'status 04'])
  })

  /** Entry points (cpp-host's startVm): what is exported, and what is called. */
  const ENTRIES: [string[], string[]][] = [
    [
      ['_initialize', 'main'],
      ['_initialize', 'main'],
    ],
    [
      ['_initialize', '__main_void'],
      ['_initialize', '__main_void'],
    ],
    [['_initialize', '_start'], ['_initialize']],
    [['_start', 'main'], ['_start']],
    [['main'], []],
    [[], []],
  ]
  for (const [exported, called] of ENTRIES) {
    it(`calls ${called.join(', ') || 'nothing'} where ${exported.join(', ') || 'nothing'} is exported`, () => {
      const type: Record<string, string> = { main: '(param i32 i32) (result i32)', __main_void: '(result i32)' }
      const code = exported.map(
        (name) =>
          `(func (export "${name}") ${type[name] ?? ''} ${say(name)} ${type[name] === undefined ? '' : '(i32.const 0)'})`,
      )
      const host = createTestHost()
      host.start(guest(code.join('')))
      assert.deepEqual(messages(host), called)
    })
  }

  /** Why a start fails, and how that is told. */
  const REFUSED: [string, string, string, RegExp, Partial<PluginConfig>?][] = [
    [
      'false from on_vm_start',
      'SL4010',
      '(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))',
      /test/,
    ],
    [
      'false from on_configure',
      'SL4011',
      '(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))',
      /test/,
    ],
    [
      'a trap in _start',
      'SL4009',
      '(func $boom unreachable) (func (export "_start") (call $boom))',
      /_start: unreachable; backtrace: .*boom@.* < _start@/,
    ],
    [
      'a trap in on_configure',
      'SL4012',
      '(func (export "proxy_on_configure") (param i32 i32) (result i32) unreachable)',
      /proxy_on_configure: unreachable/,
    ],
    [
      'a trap in context_create',
      'SL4012',
      '(func (export "proxy_on_context_create") (param i32 i32) unreachable)',
      /proxy_on_context_create/,
    ],
    ['an endless start section', 'SL4009', '(func $s (loop (br 0))) (start $s)', /start section: out of fuel/],
    ['an endless _initialize', 'SL4009', '(func (export "_initialize") (loop (br 0)))', /out of fuel/],
    [
      'endless recursion',
      'SL4014',
      '(func $f (export "proxy_on_tick") (param i32) (call $f (i32.add (local.get 0) (i32.const 1)))) (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $f (i32.const 0)) (i32.const 1))',
      /Maximum call stack/,
    ],
    [
      'a host call while starting',
      'SL4009',
      '(func (export "_start") (call $status (call $proxy_done)))',
      /proxy_done was called before the module was started/,
    ],
    ['a data segment outside of memory', 'SL4009', '(data (i32.const 9999999) "x")', /out of bounds|data segment/],
    ['an impossible environment', 'SL4017', '', /A=B/, { environment: { 'A=B': 'x' } }],
  ]
  for (const [name, code, text, message, config] of REFUSED) {
    it(`refuses ${name}`, () => {
      const host = createTestHost({ limits: { startFuel: 5_000_000 } })
      assert.throws(() => host.start(guest(text), config), { code, message })
    })
  }

  it('shares a VM among plugins with the same key, with a root context each (cpp-host)', () => {
    const host = createTestHost()
    const code = guest('(func (export "proxy_on_context_create") (param i32 i32) (call $status (local.get 0)))')
    const a = host.start(code, { name: 'a', rootId: 'one' })
    const b = host.start(code, { name: 'b', rootId: 'two' })
    const c = host.start(code, { name: 'c', vmId: 'other' })
    const d = host.start(code, { name: 'd', vmConfiguration: 'x' })
    assert.equal(a.vm, b.vm)
    assert.equal(new Set([a.vm, c.vm, d.vm]).size, 3)
    assert.deepEqual(messages(host), ['status 01', 'status 02', 'status 01', 'status 01'])
    a.close()
    assert.equal(host.start(code, { name: 'e' }).vm, b.vm)
  })

  it('waits for proxy_done after a false from on_done, and ends timers', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(`(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $proxy_set_tick_period_milliseconds (i32.const 10))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) ${say('tick')} (call $status (call $proxy_done)))
        (func (export "proxy_on_done") (param i32) (result i32) ${say('done')} (i32.const 0))
        (func (export "proxy_on_delete") (param i32) ${say('delete')})`),
    )
    host.advance(10)
    plugin.close()
    host.advance(100)
    assert.deepEqual(messages(host), ['tick', 'status 01', 'done', 'tick', 'status 00', 'delete'])
    assert.equal(host.clock.pending, 0)
  })

  it('restarts the tick with a new period and stops it with 0', () => {
    const host = createTestHost()
    host.start(
      guest(`(global $n (mut i32) (i32.const 0))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
          (drop (call $proxy_set_tick_period_milliseconds (i32.const 10))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) ${say('tick')}
          (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (drop (call $proxy_set_tick_period_milliseconds (select (i32.const 0) (i32.const 30) (i32.ge_u (global.get $n) (i32.const 2))))))`),
    )
    host.advance(39)
    assert.equal(host.logs.length, 1)
    host.advance(1000)
    assert.equal(host.logs.length, 2)
  })

  it('restricts capabilities: refused calls answer 10 and 76, unlisted callbacks are not called', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(`(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          (call $status (call $proxy_get_status $slot0 $slot1 $slot2)) (call $status (call $random_get $slot0 (i32.const 4))) (i32.const 1))
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 1))`),
      { allowedCapabilities: ['proxy_log', 'proxy_on_request_headers'] },
    )
    const stream = host.stream(plugin)
    assert.equal(stream.request(), 'stopped')
    assert.equal(stream.response(), 'continue')
    assert.deepEqual(host.logText, [
      'error: proxy_get_status is not among the allowed capabilities',
      'info: status 10',
      'error: random_get is not among the allowed capabilities',
      'info: status 76',
    ])
  })

  it('gives the module its environment', () => {
    const host = createTestHost()
    host.start(
      guest(`(func (export "_initialize")
        (drop (call $environ_sizes_get $slot0 $slot1)) (call $status (i32.load $slot0)) (call $status (i32.load $slot1))
        (drop (call $environ_get $slot4 (i32.const 512)))
        (drop (call $proxy_log (i32.const 2) (i32.load $slot5) (i32.const 4))))`),
      { environment: { A: 'one', BC: '2' } },
    )
    assert.deepEqual(messages(host), ['status 02', 'status 11', 'BC=2'])
  })
})

describe('failure policy', () => {
  /** Traps on the request header x-die; holds others. */
  const mortal = guest(`(func $die unreachable)
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-die") $slot0 $slot1)) (then (call $die)))
      (i32.eqz (i32.eqz (i32.and (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-wait") $slot0 $slot1)) (i32.const 1)))))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${say('response')} (i32.const 0))`)

  const begin = (config: Partial<PluginConfig>) => {
    const host = createTestHost()
    const plugin = host.start(mortal, config)
    const waiting = host.stream(plugin)
    assert.equal(waiting.request([['x-wait', '1']]), 'stopped')
    const open = host.stream(plugin)
    assert.equal(open.request(), 'continue')
    const dying = host.stream(plugin)
    return { host, plugin, waiting, open, dying, next: (): TestStream => host.stream(plugin) }
  }

  it('FAIL_CLOSED answers 503 at once: the request that failed, those that wait, and later ones', () => {
    const { host, plugin, waiting, open, dying, next } = begin({})
    assert.equal(dying.request([['x-die', '1']]), 'replied')
    assert.equal(dying.localReply?.status, 503)
    assert.equal(dying.localReply?.details, 'wasm_fail_stream{test,trap}')
    assert.equal(waiting.localReply?.status, 503, 'a paused stream is not left hanging (Envoy #38801)')
    assert.equal(open.localReply, undefined)
    assert.equal(open.failure?.cause, 'trap')
    assert.equal(open.response(), 'replied')
    assert.equal(next().request(), 'replied')
    assert.equal(plugin.failure?.callback, 'proxy_on_request_headers')
    assert.ok(plugin.failure?.backtrace[0].includes('die@'), String(plugin.failure?.backtrace))
    assert.ok(
      host.logText.some((line) =>
        /^error: .*test: proxy_on_request_headers: unreachable; backtrace: .*die@/.test(line),
      ),
    )
    assert.ok(!host.logText.includes('info: response'), 'nothing of a dead VM is called')
    for (const stream of [dying, waiting]) assert.equal(stream.responseHeld, false, 'the 503 is not held by the plugin')
    for (const stream of [dying, waiting, open]) stream.finish()
  })

  it('FAIL_OPEN lets all go on', () => {
    const { waiting, open, dying, next } = begin({ failurePolicy: 'FAIL_OPEN' })
    assert.equal(dying.request([['x-die', '1']]), 'continue')
    assert.equal(waiting.outcome('request'), 'continue')
    assert.equal(waiting.continued.request, 1)
    assert.equal(open.response(), 'continue')
    assert.equal(next().request([['x-die', '1']]), 'continue')
  })

  it('lets a reply through that is on its way when the VM dies, and sends one that is not', () => {
    const host = createTestHost()
    const reply = '(drop (call $proxy_send_local_response (i32.const 403) (s "") (s "") (s "") (i32.const -1)))'
    const header = (name: string, code: string) =>
      `(func (export "proxy_on_${name}_headers") (param i32 i32 i32) (result i32) ${code})`
    const replying = host.start(guest(header('request', `${reply} (i32.const 1)`) + header('response', 'unreachable')))
    const first = host.stream(replying)
    first.request()
    assert.equal(first.localReply?.status, 403)
    assert.equal(first.responseHeld, false)
    const trapping = host.start(
      guest(header('request', `${reply} unreachable`) + header('response', '(i32.const 1)')),
      { name: 'other' },
    )
    const second = host.stream(trapping)
    second.request()
    assert.equal(second.localReply?.status, 503)
    assert.equal(second.responseHeld, false)
  })

  it('FAIL_RELOAD starts a new VM after a pause that grows', () => {
    const { host, plugin, dying, next } = begin({ failurePolicy: 'FAIL_RELOAD', reloadIntervalMs: 100 })
    dying.request([['x-die', '1']])
    assert.equal(next().request(), 'replied')
    host.advance(99)
    assert.equal(next().request(), 'replied')
    host.advance(100)
    assert.equal(next().request(), 'continue')
    assert.equal(plugin.failure, undefined)
    next().request([['x-die', '1']])
    host.advance(190)
    assert.equal(next().request(), 'replied', 'the second pause is twice as long')
    host.advance(120)
    assert.equal(next().request(), 'continue')
    const counts = host.events.map(({ event }) => event)
    assert.equal(counts.filter((event) => event === 'vm_reload_success').length, 2)
    assert.equal(counts.filter((event) => event === 'vm_failure').length, 2)
  })

  it('FAIL_RELOAD gives up for a minute when its budget of crashes is spent', () => {
    const { host, dying, next } = begin({ failurePolicy: 'FAIL_RELOAD', reloadIntervalMs: 1 })
    dying.request([['x-die', '1']])
    let served = 0
    for (let i = 0; i < 500; i++) {
      host.advance(100)
      if (next().request() === 'continue') {
        served++
        next().request([['x-die', '1']])
      }
    }
    assert.ok(served >= 5 && served <= 12, `${served} lives in 50 s`)
    host.advance(100_000)
    assert.equal(next().request(), 'continue')
  })

  it('takes every plugin of the VM down with it, and no other VM', () => {
    const host = createTestHost()
    const a = host.start(mortal, { name: 'a' })
    const b = host.start(mortal, { name: 'b' })
    const other = host.start(mortal, { name: 'c', vmId: 'c' })
    host.stream(a).request([['x-die', '1']])
    assert.equal(host.stream(b).request(), 'replied')
    assert.equal(host.stream(other).request(), 'continue')
  })
})
