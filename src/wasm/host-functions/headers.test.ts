import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { createTestHost, type PluginConfig, type TestStream } from '../index.ts'
import { type GuestOptions, guest } from '../testing/wat-guest.ts'

interface Run {
  readonly stream: TestStream
  readonly logs: string[]
}

/** Runs `code` in on_request_headers and, behind it, `response` in on_response_headers. */
function run(
  code: string,
  {
    response = '',
    request = [],
    config = {},
    options = {},
  }: {
    response?: string
    request?: [string, string][]
    config?: Partial<PluginConfig>
    options?: GuestOptions
  } = {},
): Run {
  const third = options.abi === '0_1_0' ? '' : 'i32'
  const host = createTestHost()
  const plugin = host.start(
    guest(
      `(func (export "proxy_on_request_headers") (param i32 i32 ${third}) (result i32) ${code} (i32.const 0))
       (func (export "proxy_on_response_headers") (param i32 i32 ${third}) (result i32) ${response} (i32.const 0))`,
      options,
    ),
    config,
  )
  const stream = host.stream(plugin)
  stream.request(request)
  stream.response([['x-res', 'r']])
  stream.finish()
  return { stream, logs: host.logs.map((line) => line.message) }
}

const get = (map: number, name: string) =>
  `(call $status (call $proxy_get_header_map_value (i32.const ${map}) (s "${name}") $slot0 $slot1))`
const add = (map: number, name: string, value: string) =>
  `(call $status (call $proxy_add_header_map_value (i32.const ${map}) (s "${name}") (s "${value}")))`
const replace = (map: number, name: string, value: string) =>
  `(call $status (call $proxy_replace_header_map_value (i32.const ${map}) (s "${name}") (s "${value}")))`
const remove = (map: number, name: string) =>
  `(call $status (call $proxy_remove_header_map_value (i32.const ${map}) (s "${name}")))`

describe('header map functions', () => {
  it('gets the first value, ignoring the case of the name (Envoy)', () => {
    const { logs } = run(`${get(0, 'X-Two')} (call $show)`, {
      request: [
        ['x-two', 'one'],
        ['x-two', 'two'],
      ],
    })
    assert.deepEqual(logs, ['status 00', 'one'])
  })

  it('tells a missing header: NOT_FOUND from 0.2.0 on, OK and empty before', () => {
    assert.deepEqual(run(get(0, 'x-none')).logs, ['status 01'])
    assert.deepEqual(run(`${get(0, 'x-none')} (call $show)`, { options: { abi: '0_1_0' } }).logs, ['status 00', ''])
  })

  it('answers BAD_ARGUMENT for a map that does not exist', () => {
    assert.deepEqual(run(get(8, 'a') + add(-1, 'a', 'b') + remove(99, 'a')).logs, [
      'status 02',
      'status 02',
      'status 02',
    ])
  })

  it('has no response headers while the request goes up', () => {
    assert.deepEqual(run(get(2, 'x-res') + add(2, 'a', 'b')).logs, ['status 02', 'status 02'])
  })

  it('keeps what callouts brought read-only', () => {
    assert.deepEqual(run([4, 5, 6, 7].map((map) => add(map, 'a', 'b')).join('')).logs, Array(4).fill('status 02'))
  })

  it('adds, replaces and removes', () => {
    const { stream } = run(
      add(0, 'X-A', '1') + add(0, 'x-a', '2') + add(0, 'x-b', '3') + replace(0, 'x-b', '4') + remove(0, 'X-C'),
      {
        request: [['x-c', 'gone']],
      },
    )
    assert.deepEqual(stream.requestHeaders?.getAll('x-a'), ['1', '2'])
    assert.equal(stream.requestHeaders?.get('x-b'), '4')
    assert.equal(stream.requestHeaders?.has('x-c'), false)
  })

  it('clears the route cache for each change of request headers, not of response headers (Envoy, ABI <= 0.2.1)', () => {
    const { stream } = run(replace(0, ':path', '/new') + remove(0, 'x-none') + get(0, ':path'), {
      response: add(2, 'a', 'b'),
    })
    assert.equal(stream.requestHeaders?.get(':path'), '/new')
    assert.equal(stream.routeCacheCleared, 1)
  })

  it('writes host to :authority', () => {
    const { stream, logs } = run(`${replace(0, 'Host', 'other.example')} ${get(0, 'host')} (call $show)`)
    assert.equal(stream.requestHeaders?.get(':authority'), 'other.example')
    assert.equal(stream.requestHeaders?.has('host'), false)
    assert.deepEqual(logs, ['status 00', 'status 00', 'other.example'])
  })

  /** Names and values that would split or smuggle: all BAD_ARGUMENT, and nothing is written. */
  const HOSTILE: [string, string][] = [
    ['x-a', 'v\\0d\\0aset-cookie: a=b'],
    ['x-a', 'v\\0a'],
    ['x-a', 'v\\0dw'],
    ['x-a', 'v\\00w'],
    ['x a', 'v'],
    ['x-a:', 'v'],
    ['x\\0aa', 'v'],
    ['', 'v'],
    ['x-\\c3\\a9', 'v'],
    ['transfer-encoding', 'chunked'],
    ['Transfer-Encoding', 'identity'],
    ['connection', 'x-a'],
    ['upgrade', 'websocket'],
    ['keep-alive', 'timeout=5'],
    ['te', 'gzip'],
    ['content-length', '-1'],
    ['content-length', '1, 2'],
    ['content-length', '0x10'],
    ['content-length', ' 5'],
    [':path', '/a b'],
    [':path', ''],
    [':method', 'GET /'],
    [':scheme', 'javascript'],
    [':authority', 'a/b'],
    [':authority', 'user@host'],
    [':status', '200'],
    [':unknown', 'x'],
  ]
  for (const [name, value] of HOSTILE) {
    it(`refuses ${JSON.stringify(name)}: ${JSON.stringify(value)}`, () => {
      const plain = run('').stream.requestHeaders?.flat
      const { stream, logs } = run(add(0, name, value) + replace(0, name, value))
      assert.deepEqual(logs, ['status 02', 'status 02'])
      assert.deepEqual(stream.requestHeaders?.flat, plain)
    })
  }

  it('keeps a message to one length: adding replaces', () => {
    const { stream } = run(add(0, 'content-length', '7'), { request: [['content-length', '5']] })
    assert.deepEqual(stream.requestHeaders?.getAll('content-length'), ['7'])
  })

  it('lets a response status be changed to a final one only', () => {
    const { stream, logs } = run('', {
      response: replace(2, ':status', '403') + replace(2, ':status', '101') + replace(2, ':status', '9999'),
    })
    assert.equal(stream.responseHeaders?.get(':status'), '403')
    assert.deepEqual(logs, ['status 00', 'status 02', 'status 02'])
  })

  const pairs = `(call $status (call $proxy_get_header_map_pairs (i32.const 0) $slot0 $slot1))
    (call $status (call $proxy_set_header_map_pairs (i32.const 0) (i32.load $slot0) (i32.load $slot1)))`

  it('takes its own pairs back unchanged, framing headers included', () => {
    const request: [string, string][] = [
      ['transfer-encoding', 'chunked'],
      ['connection', 'upgrade'],
      ['x-a', ''],
    ]
    const { stream, logs } = run(pairs, { request })
    assert.deepEqual(logs, ['status 00', 'status 00'])
    assert.equal(stream.requestHeaders?.get('transfer-encoding'), 'chunked')
    assert.equal(stream.requestHeaders?.get('x-a'), '')
  })

  it('keeps framing headers single in pairs and when added again', () => {
    const again = add(0, 'transfer-encoding', 'chunked') + add(0, 'content-length', '5')
    const request: [string, string][] = [
      ['transfer-encoding', 'chunked'],
      ['content-length', '5'],
      ['x-te', 'te'],
    ]
    const { stream } = run(again + pairs, { request })
    assert.deepEqual(stream.requestHeaders?.getAll('transfer-encoding'), ['chunked'])
    assert.deepEqual(stream.requestHeaders?.getAll('content-length'), ['5'])
    assert.equal(stream.requestHeaders?.get('x-te'), 'te')
  })

  it('marks pairs as written, so that the codec looks at them', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(`(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${pairs} (i32.const 0))`),
    )
    const stream = host.stream(plugin)
    stream.requestHeaders = new HeaderMap(['x-a', 'b'])
    stream.context.onRequestHeaders(true)
    assert.equal(stream.requestHeaders.written, true)
  })

  it('takes malformed pairs as the empty map (cpp-host)', () => {
    const { stream } = run('(drop (call $proxy_set_header_map_pairs (i32.const 0) (s "\\ff\\ff\\ff\\ff")))')
    assert.equal(stream.requestHeaders?.size, 0)
  })

  it('tells sizes in bytes', () => {
    const { logs } = run(
      `(call $status (call $proxy_get_header_map_size (i32.const 2) $slot0)) (call $status (i32.load $slot0))`,
      {
        response:
          '(call $status (call $proxy_get_header_map_size (i32.const 2) $slot0)) (call $status (i32.load $slot0))',
      },
    )
    // `:status` 200, `x-res` r: 7 + 3 + 5 + 1.
    assert.deepEqual(logs.slice(2), ['status 00', 'status 16'])
  })

  it('replaces bytes that are not UTF-8 unless told to pass them (the Rust SDK panics on them)', () => {
    const request: [string, string][] = [['x-a', 'caf\xe9']]
    const safe = run(`${get(0, 'x-a')} (call $status (i32.load $slot1)) ${pairs}`, { request })
    assert.equal(safe.logs[1], 'status 06') // e2 98… of U+FFFD: three bytes in place of one
    const raw = run(`${get(0, 'x-a')} (call $status (i32.load $slot1))`, { request, config: { passInvalidUtf8: true } })
    assert.equal(raw.logs[1], 'status 04')
    const utf8 = run(`${get(0, 'x-a')} (call $status (i32.load $slot1))`, { request: [['x-a', 'caf\xc3\xa9']] })
    assert.equal(utf8.logs[1], 'status 05')
  })

  it('replaces them also where the module has written them itself', () => {
    for (const write of ['add', 'replace']) {
      const { logs } = run(
        `(drop (call $proxy_${write}_header_map_value (i32.const 0) (s "x-w") (s "caf\\e9")))
        ${get(0, 'x-w')} (call $status (i32.load $slot1))`,
      )
      assert.equal(logs[1], 'status 06')
    }
  })

  it('has the codec look again at what it would not have read itself, and at what is its business', () => {
    const written = (code: string) => run(code).stream.requestHeaders?.written
    for (const write of [add, replace]) {
      for (const plain of ['b', '', 'b c', '~!']) assert.equal(written(write(0, 'x-a', plain)), false, plain)
      // RFC 9113 8.2.1: no space at either end; bytes and controls are left to the codec.
      for (const other of [' b', 'b ', '\\09b', 'b\\7f', 'b\\01c', 'caf\\c3\\a9']) {
        assert.equal(written(write(0, 'x-a', other)), true, other)
      }
      assert.equal(written(write(0, ':path', '/b')), true)
      assert.equal(written(write(0, 'content-length', '5')), true)
    }
  })

  it('answers INVALID_MEMORY_ACCESS for pointers outside, before anything changes', () => {
    const call = (name: string, args: number[]) =>
      `(call $status (call $${name} ${args.map((arg) => `(i32.const ${arg})`).join(' ')}))`
    const big = 0x7fffffff
    const { logs, stream } = run(
      [
        call('proxy_get_header_map_value', [0, big, 10, 64, 68]),
        call('proxy_get_header_map_value', [0, -1, -1, 64, 68]),
        call('proxy_add_header_map_value', [0, 64, 1, -8, 100]),
        call('proxy_set_header_map_pairs', [0, 131070, 4]),
        call('proxy_get_header_map_pairs', [0, 131069, 64]),
        call('proxy_get_header_map_pairs', [0, 64, -2]),
      ].join(''),
    )
    assert.deepEqual(logs, Array(6).fill('status 06'))
    assert.equal(stream.requestHeaders?.size, 4)
  })

  it('refuses a map that grows beyond headerBytes', () => {
    const once = '(drop (call $proxy_add_header_map_value (i32.const 0) (s "x-big") (i32.const 256) (i32.const 700)))'
    const { stream } = run(`(memory.fill (i32.const 256) (i32.const 120) (i32.const 700)) ${once.repeat(200)}`)
    const bytes = stream.requestHeaders?.byteSize ?? 0
    assert.ok(bytes > 90_000 && bytes <= 96 * 1024, `${bytes}`)
  })
})
