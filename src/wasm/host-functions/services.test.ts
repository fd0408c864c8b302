/** Metrics, shared data, queues, callouts, time, logs: host functions that reach outside of the stream. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { GrpcServiceSchema } from '../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import { createTestHost, HeaderMap, type TestHost } from '../index.ts'
import { guest } from '../testing/wat-guest.ts'

const i = (value: number) => `(i32.const ${value})`
const status = (name: string, args: string) => `(call $status (call $${name} ${args}))`
const messages = (host: TestHost) => host.logs.map((line) => line.message)

function configure(code: string, more = '', options = {}): TestHost {
  const host = createTestHost(options)
  host.start(guest(`(func (export "proxy_on_configure") (param i32 i32) (result i32) ${code} (i32.const 1)) ${more}`))
  return host
}

describe('metrics', () => {
  const define = (type: number, name: string) =>
    `${status('proxy_define_metric', `${i(type)} (s "${name}") $slot0`)}(call $status (i32.load $slot0))`
  const increment = (id: number, by: number) => status('proxy_increment_metric', `${i(id)} (i64.const ${by})`)
  const record = (id: number, value: number) => status('proxy_record_metric', `${i(id)} (i64.const ${value})`)
  const get = (id: number) => status('proxy_get_metric', `${i(id)} $slot2`)

  it('have ids whose low bits are the type (cpp-host), the same for the same name', () => {
    const host = configure(define(0, 'c') + define(1, 'g') + define(2, 'h') + define(0, 'c') + define(3, 'x'))
    assert.deepEqual(
      messages(host),
      ['00', '04', '00', '09', '00', '14', '00', '04', '02', '04'].map((n) => `status ${n}`),
    )
  })

  it('count, set and record (cpp-host)', () => {
    const host = configure(
      define(0, 'c') +
        define(1, 'g') +
        define(2, 'h') +
        increment(4, 5) +
        record(4, 2) +
        increment(9, -3) +
        record(9, 40) +
        record(14, 7),
    )
    assert.equal(host.metrics.get('c')?.value(), 7)
    assert.equal(host.metrics.get('g')?.value(), 40)
    assert.deepEqual(host.metrics.get('h')?.recorded, [7])
  })

  it('refuse what a type cannot do', () => {
    const host = configure(
      define(0, 'c') +
        define(2, 'h') +
        increment(4, 0) +
        increment(4, -1) +
        increment(10, 1) +
        get(10) +
        increment(99, 1) +
        get(99) +
        record(99, 1),
    )
    assert.deepEqual(
      messages(host).slice(4),
      ['02', '02', '02', '02', '01', '01', '01'].map((n) => `status ${n}`),
    )
  })

  it('are bounded in number and in the length of names', () => {
    const host = configure(define(0, 'a') + define(0, 'b') + define(0, 'c') + define(0, 'long name'), '', {
      limits: { metrics: 2, metricNameBytes: 5 },
    })
    assert.deepEqual(
      messages(host).filter((_, n) => n % 2 === 0),
      ['00', '00', '10', '02'].map((n) => `status ${n}`),
    )
  })
})

describe('shared data and queues', () => {
  it('round trip with cas, and the statuses of the ABI', () => {
    const set = (value: string, cas: string) => status('proxy_set_shared_data', `(s "k") (s "${value}") ${cas}`)
    const get = (key: string) => status('proxy_get_shared_data', `(s "${key}") $slot0 $slot1 $slot2`)
    const host = configure(
      get('k') +
        set('one', i(0)) +
        get('k') +
        '(call $show)' +
        set('two', '(i32.load $slot2)') +
        set('three', i(77)) +
        get('k') +
        '(call $show)',
    )
    assert.deepEqual(messages(host), [
      'status 01',
      'status 00',
      'status 00',
      'one',
      'status 00',
      'status 08',
      'status 00',
      'two',
    ])
  })

  it('deliver on_queue_ready once per item, later', async () => {
    const host = configure(
      status('proxy_register_shared_queue', '(s "q") $slot4') +
        status('proxy_resolve_shared_queue', '(s "") (s "q") $slot5') +
        status('proxy_resolve_shared_queue', '(s "no") (s "q") $slot6') +
        status('proxy_enqueue_shared_queue', '(i32.load $slot5) (s "a")') +
        status('proxy_enqueue_shared_queue', '(i32.load $slot5) (s "b")') +
        status('proxy_enqueue_shared_queue', '(i32.const 555) (s "b")'),
      `(func (export "proxy_on_queue_ready") (param i32 i32)
        ${status('proxy_dequeue_shared_queue', '(local.get 1) $slot0 $slot1')} (call $show)
        ${status('proxy_dequeue_shared_queue', '(i32.const 555) $slot0 $slot1')})
       (func (export "proxy_on_tick") (param i32) ${status('proxy_dequeue_shared_queue', '(i32.load $slot4) $slot0 $slot1')})`,
    )
    assert.deepEqual(
      messages(host).splice(0),
      ['00', '00', '01', '00', '00', '01'].map((n) => `status ${n}`),
    )
    host.logs.length = 0
    for (let n = 0; n < 200 && host.logs.length < 6; n++) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(messages(host), ['status 00', 'a', 'status 01', 'status 00', 'b', 'status 01'])
  })
})

const word = (n: number) => `\\${n.toString(16).padStart(2, '0')}\\00\\00\\00`
const pairs = (...flat: string[]) =>
  word(flat.length / 2) + flat.map((text) => word(text.length)).join('') + flat.map((text) => `${text}\\00`).join('')
const good = pairs(':method', 'GET', ':path', '/', ':authority', 'a')

describe('HTTP callouts', () => {
  const call = (cluster: string, headers: string, timeout = 100) =>
    status('proxy_http_call', `(s "${cluster}") (s "${headers}") (s "") (s "") ${i(timeout)} $slot0`) +
    '(call $status (i32.load $slot0))'

  it('are refused at once for an unknown cluster, missing pseudo headers, a bad header, a negative timeout (Envoy)', () => {
    const host = configure(
      call('none', good) +
        call('httpbin', pairs(':method', 'GET', ':path', '/')) +
        call('httpbin', '') +
        call(
          'httpbin',
          pairs(':method', 'GET', ':path', '/', ':authority', 'a', 'x', '1\\0a2').replaceAll('\\0a', '|'),
        ) +
        call('httpbin', good, -1),
    )
    const statuses = messages(host)
    assert.deepEqual(statuses.slice(0, 6), [
      'status 02',
      'status 00',
      'status 02',
      'status 00',
      'status 02',
      'status 00',
    ])
    assert.deepEqual(statuses.slice(-2), ['status 02', 'status 00'])
  })

  it('have tokens 4, 8, …, and report a failure as zeros with a status', () => {
    const host = configure(
      call('httpbin', good) + call('httpbin', good),
      `(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (call $status (local.get 0)) (call $status (local.get 1)) (call $status (local.get 2)) (call $status (local.get 3))
        (drop (call $proxy_get_status $slot2 $slot0 $slot1)) (call $status (i32.load $slot2)) (call $show)
        ${status('proxy_get_buffer_bytes', '(i32.const 4) (i32.const 0) (i32.const 9) $slot0 $slot1')})`,
    )
    assert.deepEqual(messages(host), ['status 00', 'status 04', 'status 00', 'status 08'])
    host.logs.length = 0
    host.httpCalls[1].answer({ failure: 'connection reset' })
    assert.deepEqual(messages(host), [
      'status 01',
      'status 08',
      'status 00',
      'status 00',
      'status 11',
      'connection reset',
      'status 01',
    ])
  })

  it('are bounded in flight', () => {
    const host = configure(call('httpbin', good) + call('httpbin', good) + call('httpbin', good), '', {
      limits: { calloutsInFlight: 2 },
    })
    assert.deepEqual(messages(host).slice(-2), ['status 10', 'status 00'])
  })

  it('end with the plugin', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(`(func (export "proxy_on_configure") (param i32 i32) (result i32) ${call('httpbin', good)} (i32.const 1))`),
    )
    plugin.close()
    assert.equal(host.httpCalls[0].cancelled, true)
  })
})

describe('gRPC', () => {
  const events = ['receive_initial_metadata', 'receive', 'receive_trailing_metadata', 'close']
    .map(
      (
        name,
      ) => `(func (export "proxy_on_grpc_${name}") (param i32 i32 i32) (drop (call $proxy_log (i32.const 2) (s "${name}")))
        (call $status (local.get 1)) (call $status (local.get 2))
        (drop (call $proxy_get_status $slot2 $slot0 $slot1)) (call $status (i32.load $slot2)))`,
    )
    .join('')
  const envoyGrpc = Buffer.from(
    toBinary(
      GrpcServiceSchema,
      create(GrpcServiceSchema, { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'cluster' } } }),
    ),
  )
    .toString('hex')
    .replace(/../g, '\\$&')
  const unary = (upstream: string) =>
    status(
      'proxy_grpc_call',
      `(s "${upstream}") (s "pkg.Service") (s "Method") (s "${pairs('x-m', '1')}") (s "hello") ${i(50)} $slot0`,
    )
  const open = status('proxy_grpc_stream', `(s "cluster") (s "pkg.Service") (s "Method") (s "") $slot0`)

  it('names the cluster by a GrpcService message or bare; anything else is PARSE_FAILURE (Envoy)', () => {
    const host = configure(unary(envoyGrpc) + unary('cluster') + unary('none') + unary('\\ff\\ff'))
    assert.deepEqual(messages(host), ['status 00', 'status 00', 'status 04', 'status 04'])
    assert.deepEqual(
      host.grpcCalls.map(({ call }) => [call.cluster, call.service, call.method, call.metadata.get('x-m')]),
      Array(2).fill(['cluster', 'pkg.Service', 'Method', '1']),
    )
  })

  it('answers a unary call with its message alone, or with a close', () => {
    const host = configure(unary('cluster') + unary('cluster'), events)
    host.logs.length = 0
    host.grpcCalls[0].events.onMessage(Buffer.from('abc'))
    host.grpcCalls[1].events.onClose(14, 'unavailable')
    host.grpcCalls[1].events.onClose(14, 'again')
    assert.deepEqual(messages(host), [
      'receive',
      'status 05',
      'status 03',
      'status 00',
      'close',
      'status 09',
      'status 14',
      'status 14',
    ])
  })

  it('sends no more than calloutBodyBytes to a cluster that takes no more', () => {
    const send = status('proxy_grpc_send', '(global.get $token) (s "one") (i32.const 0)')
    const host = configure(
      `${open} (global.set $token (i32.load $slot0)) (drop (call $proxy_set_tick_period_milliseconds (i32.const 10)))`,
      `(global $token (mut i32) (i32.const 0)) (func (export "proxy_on_tick") (param i32) ${send})`,
      { limits: { calloutBodyBytes: 100 } },
    )
    const [stream] = host.grpcCalls
    for (const waiting of [100, 101, 0]) {
      stream.waiting = waiting
      host.advance(10)
    }
    assert.deepEqual(messages(host), ['status 00', 'status 00', 'status 10', 'status 00'])
    assert.equal(stream.sent.length, 2)
  })

  it('sends and receives on a stream, half-closes, and cancels without a callback', () => {
    const host = configure(
      open +
        status('proxy_grpc_send', '(i32.load $slot0) (s "one") (i32.const 0)') +
        status('proxy_grpc_close', '(i32.load $slot0)') +
        status('proxy_grpc_send', '(i32.load $slot0) (s "two") (i32.const 0)') +
        open +
        status('proxy_grpc_cancel', '(i32.load $slot0)') +
        status('proxy_grpc_cancel', '(i32.load $slot0)'),
      events,
    )
    assert.deepEqual(
      messages(host),
      ['00', '00', '00', '01', '00', '00', '01'].map((n) => `status ${n}`),
    )
    const [first, second] = host.grpcCalls
    assert.deepEqual(
      first.sent.map(({ message, endStream }) => [Buffer.from(message).toString(), endStream]),
      [
        ['one', false],
        ['', true],
      ],
    )
    assert.equal(second.cancelled, true)
    host.logs.length = 0
    first.events.onInitialMetadata(HeaderMap.of([['a', 'b']]))
    first.events.onMessage(Buffer.from('answer'))
    first.events.onTrailingMetadata(HeaderMap.of([]))
    first.events.onClose(0, '')
    second.events.onClose(1, '')
    assert.deepEqual(
      messages(host).filter((line) => !line.startsWith('status')),
      ['receive_initial_metadata', 'receive', 'receive_trailing_metadata', 'close'],
    )
  })

  it('tells a wrong kind of token from an unknown one', () => {
    const host = configure(
      ['proxy_grpc_cancel', 'proxy_grpc_close']
        .map((name) => [4, 5, 6].map((id) => status(name, i(id))).join(''))
        .join('') + [4, 5, 6].map((id) => status('proxy_grpc_send', `${i(id)} (s "x") (i32.const 0)`)).join(''),
    )
    assert.deepEqual(
      messages(host),
      ['02', '01', '01', '02', '01', '01', '02', '02', '01'].map((n) => `status ${n}`),
    )
  })
})

describe('logs and time', () => {
  it('take levels 0 to 5 and tell the level that is on', () => {
    const log = (level: number) => status('proxy_log', `${i(level)} (s "x")`)
    const host = configure(
      `${log(5) + log(6) + log(-1) + status('proxy_get_log_level', '$slot0')}(call $status (i32.load $slot0))`,
      '',
      {
        logLevel: 'info',
      },
    )
    assert.deepEqual(host.logText, [
      'critical: x',
      'info: status 00',
      'info: status 02',
      'info: status 02',
      'info: status 00',
      'info: status 02',
    ])
  })

  it('drop a flood and say how many lines, when there is room again', () => {
    const say = '(drop (call $proxy_log (i32.const 2) (s "x")))'
    const host = configure(
      `${say.repeat(20)} (drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))`,
      `(func (export "proxy_on_tick") (param i32) ${say})`,
      {
        limits: { logBurst: 5, logsPerSecond: 1 },
      },
    )
    assert.equal(host.logs.length, 5)
    host.advance(2000)
    assert.deepEqual(messages(host).slice(5, 7), ['15 log lines were dropped (logsPerSecond)', 'x'])
  })

  it('cut a long line', () => {
    const host = configure('(drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 100000)))', '', {
      limits: { logMessageBytes: 1000 },
    })
    assert.match(messages(host)[0], / \[99000 bytes more\]$/)
  })

  it('give nanoseconds since 1970', () => {
    const host = configure(
      status('proxy_get_current_time_nanoseconds', '(i32.const 256)') +
        '(drop (call $proxy_log (i32.const 2) (i32.const 256) (i32.const 8)))',
    )
    assert.equal(host.logs.length, 2)
  })
})

describe('DNS (Envoy)', () => {
  const resolve = `${status('envoy_resolve_dns', '(s "a.test") $slot0')}(call $status (i32.load $slot0))`
  const told = `(func (export "envoy_on_resolve_dns") (param i32 i32 i32)
    (call $status (local.get 1)) (call $status (local.get 2))
    (drop (call $proxy_get_buffer_bytes (i32.const 8) (i32.const 0) (i32.const 1000) $slot0 $slot1))
    (if (local.get 2) (then (drop (call $proxy_log (i32.const 2) (i32.load $slot0) (i32.load $slot1))))))`

  it('gives a token, and after the callback the addresses in the layout of Envoy 1.40', () => {
    const host = configure(resolve, told)
    assert.deepEqual(messages(host), ['status 00', 'status 01'])
    assert.equal(host.lookups[0].name, 'a.test')
    host.lookups[0].answer([
      { address: '[::1]:0', ttl: 5 },
      { address: '192.0.2.1:0', ttl: 258 },
    ])
    assert.deepEqual(messages(host).slice(2), [
      'status 01',
      'status 32',
      '\x02\0\0\0\x05\0\0\0\x02\x01\0\0[::1]:0\x00192.0.2.1:0\0',
    ])
    host.lookups[0].answer([])
    assert.equal(messages(host).length, 5)
  })

  it('tells a name without addresses from a look-up that failed', () => {
    const host = configure(resolve + resolve, told)
    host.lookups[0].answer([])
    host.lookups[1].answer(undefined)
    assert.deepEqual(messages(host).slice(4), ['status 01', 'status 04', '\0\0\0\0', 'status 02', 'status 00'])
  })

  it('counts as a callout, and is cancelled with its plugin', () => {
    const host = createTestHost({ limits: { calloutsInFlight: 1 } })
    const code = `(func (export "proxy_on_configure") (param i32 i32) (result i32) ${resolve + resolve} (i32.const 1))`
    const plugin = host.start(guest(code))
    assert.deepEqual(messages(host), ['status 00', 'status 01', 'status 10', 'status 01'])
    plugin.close()
    assert.equal(host.lookups[0].cancelled, true)
  })

  it('refuses what is no name, and pointers outside', () => {
    const host = configure(
      status('envoy_resolve_dns', '(i32.const 0) (i32.const 256) $slot0') +
        status('envoy_resolve_dns', '(i32.const -1) (i32.const 4) $slot0') +
        status('envoy_resolve_dns', '(s "a.test") (i32.const -2)'),
    )
    assert.deepEqual(messages(host), ['status 02', 'status 06', 'status 06'])
  })
})
