import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createTestHost,
  DATA_STATUS,
  HEADERS_STATUS,
  HeaderMap,
  type PluginConfig,
  type TestHost,
  type TestStream,
} from '../index.ts'
import { guest } from '../testing/wat-guest.ts'

const headers = (name: string, code: string, answer = 0) =>
  `(func (export "proxy_on_${name}_headers") (param i32 i32 i32) (result i32) ${code} (i32.const ${answer}))`
const body = (name: string, code: string, answer = 0) =>
  `(func (export "proxy_on_${name}_body") (param i32 i32 i32) (result i32) ${code} (i32.const ${answer}))`
const say = (text: string) => `(drop (call $proxy_log (i32.const 2) (s "${text}")))`

const reply = (code: number, text: string, pairs = '(i32.const 0) (i32.const 0)', grpc = -1) =>
  `(call $status (call $proxy_send_local_response (i32.const ${code}) (s "my details") (s "${text}") ${pairs} (i32.const ${grpc})))`

function start(code: string, config: Partial<PluginConfig> = {}): { host: TestHost; stream: TestStream } {
  const host = createTestHost()
  return { host, stream: host.stream(host.start(guest(code), config)) }
}

describe('HttpContext', () => {
  /** What a headers callback returns, and Envoy's status, without and with allow_on_headers_stop_iteration. */
  const STATUSES: [number, number, number][] = [
    [0, HEADERS_STATUS.continue, HEADERS_STATUS.continue],
    [1, HEADERS_STATUS.stopAllIterationAndWatermark, HEADERS_STATUS.stopIteration],
    [2, HEADERS_STATUS.continue, HEADERS_STATUS.continue],
    [3, HEADERS_STATUS.stopAllIterationAndBuffer, HEADERS_STATUS.stopAllIterationAndBuffer],
    [4, HEADERS_STATUS.stopAllIterationAndWatermark, HEADERS_STATUS.stopAllIterationAndWatermark],
    [5, HEADERS_STATUS.stopAllIterationAndWatermark, HEADERS_STATUS.stopAllIterationAndWatermark],
    [-1, HEADERS_STATUS.stopAllIterationAndWatermark, HEADERS_STATUS.stopAllIterationAndWatermark],
  ]
  for (const [action, plain, allowed] of STATUSES) {
    it(`turns ${action} of a headers callback into Envoy's status`, () => {
      for (const [flag, status] of [
        [false, plain],
        [true, allowed],
      ] as const) {
        const { stream } = start(headers('request', '', action) + headers('response', '', action), {
          allowOnHeadersStopIteration: flag,
        })
        stream.request()
        stream.response()
        assert.deepEqual(stream.statuses, [status, status])
      }
    })
  }

  it("turns a body callback's answer into Envoy's status", () => {
    const expected = [DATA_STATUS.continue, 1, 2, DATA_STATUS.stopIterationNoBuffer, DATA_STATUS.stopIterationNoBuffer]
    for (const [action, status] of expected.entries()) {
      const { stream } = start(body('request', '', action))
      stream.request([], false)
      stream.requestData('x')
      assert.equal(stream.statuses[1], status)
    }
  })

  it('delivers log, done, delete (Envoy), or done, log, delete (spec) where configured', () => {
    const ends = ['log', 'done', 'delete']
      .map(
        (name) =>
          `(func (export "proxy_on_${name}") (param i32) ${name === 'done' ? '(result i32)' : ''} ${say(name)} ${name === 'done' ? '(i32.const 0)' : ''})`,
      )
      .join('')
    for (const [specFinishOrder, order] of [
      [false, ['log', 'done', 'delete']],
      [true, ['done', 'log', 'delete']],
    ] as const) {
      const { host, stream } = start(ends, { specFinishOrder })
      stream.request()
      stream.finish()
      stream.finish()
      assert.deepEqual(
        host.logs.map((line) => line.message),
        order,
      )
    }
  })

  it('makes the context on the first event, also when that is the log', () => {
    const { host, stream } = start(
      `(func (export "proxy_on_context_create") (param i32 i32) ${say('create')})
       (func (export "proxy_on_log") (param i32) ${say('log')})`,
    )
    assert.deepEqual(
      host.logs.map((line) => line.message),
      ['create'],
    )
    stream.finish()
    assert.deepEqual(
      host.logs.map((line) => line.message),
      ['create', 'create', 'log'],
    )
  })

  it('says nothing to the module for a stream that had no event', () => {
    const { host, stream } = start(`(func (export "proxy_on_delete") (param i32) ${say('delete')})`)
    stream.context.onDone()
    stream.context.onDelete()
    assert.deepEqual(host.logs, [])
  })

  describe('bodies', () => {
    const show = `(drop (call $proxy_get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const -1) $slot0 $slot1)) (call $show)`
    const set = (from: number, size: number, text: string) =>
      `(call $status (call $proxy_set_buffer_bytes (i32.const 0) (i32.const ${from}) (i32.const ${size}) (s "${text}")))`

    it('shows chunk by chunk while it goes on (Envoy)', () => {
      const { host, stream } = start(body('request', show.replace('(i32.const -1)', '(i32.const 100)')))
      stream.request([], false)
      stream.requestData('one', false)
      stream.requestData('two')
      assert.deepEqual(
        host.logs.map((line) => line.message),
        ['one', 'two'],
      )
      assert.equal(stream.sentRequest.linearize().toString(), 'onetwo')
    })

    it('shows all that is held once it holds', () => {
      const code = `(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (call $status (local.get 1)) (i32.eqz (local.get 2)))`
      const { host, stream } = start(code)
      stream.request([], false)
      assert.equal(stream.requestData('one', false), 'stopped')
      assert.equal(stream.requestData('two', false), 'stopped')
      assert.equal(stream.sentRequest.length, 0)
      assert.equal(stream.requestData('', true), 'continue')
      assert.deepEqual(
        host.logs.map((line) => line.message),
        ['status 03', 'status 06', 'status 06'],
      )
      assert.equal(stream.sentRequest.linearize().toString(), 'onetwo')
    })

    /** Envoy's Buffer::copyFrom: start, size, status, what comes out of `hello`. */
    const EDITS: [number, number, string, string][] = [
      [0, 5, 'status 00', 'NEW'],
      [0, 99, 'status 00', 'NEW'],
      [0, -1, 'status 00', 'NEW'],
      [0, 0, 'status 00', 'NEWhello'],
      [0, 2, 'status 00', 'NEWllo'],
      [5, 0, 'status 00', 'helloNEW'],
      [99, 3, 'status 00', 'helloNEW'],
      [2, 2, 'status 02', 'hello'],
    ]
    for (const [from, size, status, result] of EDITS) {
      it(`set_buffer_bytes(${from}, ${size}) makes ${result}`, () => {
        const { host, stream } = start(body('request', set(from, size, 'NEW')))
        stream.request([], false)
        stream.requestData('hello')
        assert.deepEqual(
          host.logs.map((line) => line.message),
          [status],
        )
        assert.equal(stream.sentRequest.linearize().toString(), result)
      })
    }

    it('forgets the length of a body that the module may change, unless told to keep it (cpp-sdk #127)', () => {
      const code = body('request', set(0, 0, 'x')) + headers('request', '')
      for (const [config, length] of [
        [{}, undefined],
        [{ keepContentLength: true }, '5'],
      ] as const) {
        const { stream } = start(code, config)
        stream.request([['content-length', '5']], false)
        assert.equal(stream.requestHeaders?.get('content-length'), length)
      }
      const { stream } = start(body('request', '') + headers('request', ''))
      stream.request([['content-length', '5']], false)
      assert.equal(stream.requestHeaders?.get('content-length'), '5')
    })

    it('clamps reads, and refuses a range beyond 2^32', () => {
      const read = (from: number, max: number) =>
        `(call $status (call $proxy_get_buffer_bytes (i32.const 0) (i32.const ${from}) (i32.const ${max}) $slot0 $slot1)) (call $show)`
      const { host, stream } = start(
        body('request', read(1, 3) + read(4, 100) + read(5, 1) + read(99, 1) + read(1, -1)),
      )
      stream.request([], false)
      stream.requestData('hello')
      const texts = host.logs.map((line) => line.message)
      assert.deepEqual(texts.slice(0, 8), ['status 00', 'ell', 'status 00', 'o', 'status 00', '', 'status 00', ''])
      assert.equal(texts[8], 'status 02')
    })

    it('has no body outside of the body callbacks', () => {
      const { host, stream } = start(
        headers('request', '(call $status (call $proxy_get_buffer_status (i32.const 0) $slot0 $slot1))'),
      )
      stream.request()
      assert.deepEqual(
        host.logs.map((line) => line.message),
        ['status 01'],
      )
    })

    it('lets trailers be made in the last body callback only', () => {
      const make = '(call $status (call $proxy_add_header_map_value (i32.const 1) (s "x-t") (s "v")))'
      const { host, stream } = start(body('request', make))
      stream.request([], false)
      stream.requestData('a', false)
      stream.requestData('b', true)
      assert.deepEqual(
        host.logs.map((line) => line.message),
        ['status 02', 'status 00'],
      )
      assert.equal(stream.requestTrailers?.get('x-t'), 'v')
    })
  })

  describe('local replies', () => {
    it('go through the response callbacks of the same plugin (Envoy)', () => {
      const add = '(drop (call $proxy_add_header_map_value (i32.const 2) (s "x-own") (s "1")))'
      const { stream } = start(headers('request', reply(403, 'no'), 0) + headers('response', add))
      assert.equal(stream.request(), 'replied')
      assert.equal(stream.localReply?.status, 403)
      assert.equal(stream.localReply?.details, 'my_details')
      assert.equal(stream.responseHeaders?.get('x-own'), '1')
      assert.equal(stream.sentResponse.linearize().toString(), 'no')
      // Whatever the callback returned, the request stops.
      assert.equal(stream.statuses.at(-1), HEADERS_STATUS.stopAllIterationAndWatermark)
    })

    it('count once: the second is ignored (Envoy #23047)', () => {
      const { host, stream } = start(
        headers('request', reply(403, 'one') + reply(500, 'two')) + headers('response', reply(500, 'three')),
      )
      stream.request()
      assert.equal(stream.localReply?.status, 403)
      assert.deepEqual(
        host.logs.map((line) => line.message),
        ['status 00', 'status 00', 'status 00'],
      )
    })

    it('win over a continue (Envoy #13857)', () => {
      const go = '(drop (call $proxy_continue_stream (i32.const 0)))'
      for (const code of [reply(403, '') + go, go + reply(403, '')]) {
        const { stream } = start(headers('request', code, 1))
        assert.equal(stream.request(), 'replied')
        assert.equal(stream.continued.request, 0)
      }
    })

    /** Status codes and headers of a reply that no codec could write. */
    const BAD = [
      reply(100, ''),
      reply(0, ''),
      reply(1000, ''),
      reply(-1, ''),
      reply(200, '', '(s "\\01\\00\\00\\00\\01\\00\\00\\00\\03\\00\\00\\00a\\00b\\0ac\\00")'),
    ]
    for (const [index, code] of BAD.entries()) {
      it(`are refused when they could not be sent (${index})`, () => {
        const { host, stream } = start(headers('request', code))
        assert.equal(stream.request(), 'continue')
        assert.deepEqual(
          host.logs.map((line) => line.message),
          ['status 02'],
        )
      })
    }

    it('carry a grpc status of 0 to 16 only', () => {
      for (const [given, kept] of [
        [0, 0],
        [16, 16],
        [17, undefined],
        [-1, undefined],
      ] as const) {
        const { stream } = start(headers('request', reply(403, '', undefined, given)))
        stream.request()
        assert.equal(stream.localReply?.grpcStatus, kept)
      }
    })
  })

  it('goes on when the callback continued and stopped at once', () => {
    const { stream } = start(headers('request', '(drop (call $proxy_continue_stream (i32.const 0)))', 1))
    assert.equal(stream.request(), 'continue')
  })

  it('ignores a continue where nothing has stopped', () => {
    const { stream } = start(headers('request', '(drop (call $proxy_continue_stream (i32.const 1)))'))
    stream.request()
    assert.equal(stream.continued.response, 0)
  })

  it('answers BAD_ARGUMENT for streams that an HTTP context does not have', () => {
    const ask = (name: string, type: number) => `(call $status (call $proxy_${name}_stream (i32.const ${type})))`
    const { host, stream } = start(
      headers('request', [2, 3, 4].map((t) => ask('continue', t) + ask('close', t)).join('')),
    )
    stream.request()
    assert.deepEqual(
      host.logs.map((line) => line.message),
      Array(6).fill('status 02'),
    )
  })

  it('lets METADATA go on whatever the callback returns, and a stop of another callback end there', () => {
    const metadata = (code: string) =>
      `(func (export "proxy_on_request_metadata") (param i32 i32) (result i32) (call $status (local.get 1)) ${code} (i32.const 1))`
    const { host, stream } = start(
      body('request', '', 1) + metadata('(drop (call $proxy_continue_stream (i32.const 0)))'),
    )
    stream.request([], false)
    assert.equal(stream.requestData('x', false), 'stopped')
    stream.context.onRequestMetadata(3)
    assert.equal(stream.outcome('request'), 'continue')
    assert.deepEqual(
      host.logs.map((line) => line.message),
      ['status 03'],
    )
  })

  for (const [failurePolicy, status] of [
    ['FAIL_CLOSED', 503],
    ['FAIL_OPEN', undefined],
  ] as const) {
    it(`answers for a trap in a METADATA callback by ${failurePolicy}`, () => {
      const code = '(func (export "proxy_on_response_metadata") (param i32 i32) (result i32) unreachable)'
      const { stream } = start(code, { failurePolicy })
      stream.request()
      stream.context.onResponseMetadata(1)
      assert.equal(stream.localReply?.status, status)
    })
  }

  it('closes a stream after the callback', () => {
    const { stream } = start(headers('request', '(drop (call $proxy_close_stream (i32.const 0)))'))
    assert.equal(stream.request(), 'reset')
  })

  it('resumes from the root context of a callout, with the effective context (Rust and C++ SDK)', () => {
    const pairs =
      '\\03\\00\\00\\00\\07\\00\\00\\00\\03\\00\\00\\00\\05\\00\\00\\00\\01\\00\\00\\00\\0a\\00\\00\\00\\01\\00\\00\\00:method\\00GET\\00:path\\00/\\00:authority\\00a\\00'
    const call = `(global $id (mut i32) (i32.const 0))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (global.set $id (local.get 0))
        (call $status (call $proxy_http_call (s "httpbin") (s "${pairs}") (s "body") (i32.const 0) (i32.const 0) (i32.const 500) $slot2))
        (i32.const 1))
      (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (call $status (local.get 2)) (call $status (local.get 3)) (call $status (local.get 4))
        (drop (call $proxy_get_header_map_value (i32.const 6) (s "x-answer") $slot0 $slot1)) (call $show)
        (call $status (call $proxy_set_effective_context (i32.const 99)))
        (call $status (call $proxy_set_effective_context (global.get $id)))
        (drop (call $proxy_add_header_map_value (i32.const 0) (s "x-called") (s "1")))
        (drop (call $proxy_continue_stream (i32.const 0))))`
    const { host, stream } = start(call)
    assert.equal(stream.request(), 'stopped')
    const [pending] = host.httpCalls
    assert.equal(pending.call.cluster, 'httpbin')
    assert.equal(pending.call.headers.get('content-length'), '4')
    assert.equal(pending.call.timeoutMs, 500)
    pending.answer({
      headers: HeaderMap.of([
        [':status', '200'],
        ['x-answer', 'yes'],
      ]),
      body: Buffer.from('abc'),
      trailers: undefined,
    })
    assert.equal(stream.outcome('request'), 'continue')
    assert.equal(stream.requestHeaders?.get('x-called'), '1')
    assert.deepEqual(
      host.logs.map((line) => line.message),
      ['status 00', 'status 02', 'status 03', 'status 00', 'yes', 'status 02', 'status 00'],
    )
    // A second answer to the same token never reaches the module: SDKs die on tokens they do not know.
    pending.answer({ failure: 'again' })
    assert.equal(host.logs.length, 7)
  })
})
