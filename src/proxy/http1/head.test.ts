import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CodecError } from './codec-error.ts'
import { BodyKind, DEFAULT_LIMITS, MessageHead } from './head.ts'

function parse(text: string, limits = DEFAULT_LIMITS): MessageHead {
  const head = new MessageHead()
  const bytes = Buffer.from(`${text}\r\n`, 'latin1')
  head.parseRequest(bytes, 0, bytes.length, 'http', limits)
  return head
}

function request(text: string): MessageHead {
  return parse(text.replaceAll('\n', '\r\n'))
}

function response(text: string, method = 'GET'): MessageHead {
  const bytes = Buffer.from(`${text.replaceAll('\n', '\r\n')}\r\n`, 'latin1')
  const head = new MessageHead()
  head.parseResponse(bytes, 0, bytes.length, method, DEFAULT_LIMITS)
  return head
}

/** Text in which line ends are written out, and the clause that refuses it. */
const REFUSED: readonly (readonly [clause: string, text: string, status?: number])[] = [
  ['9112 2.2: bare CR', 'GET / HTTP/1.1\r\nhost: a\rb: c'],
  ['9112 2.2: bare LF', 'GET / HTTP/1.1\r\nhost: a\nb: c'],
  ['9112 2.2: white space before the first field', 'GET / HTTP/1.1\r\n host: a'],
  ['9112 3: two spaces in the request line', 'GET  / HTTP/1.1\r\nhost: a'],
  ['9112 3: tab in the request line', 'GET\t/ HTTP/1.1\r\nhost: a'],
  ['9112 3: space at the end', 'GET / HTTP/1.1 \r\nhost: a'],
  ['9112 3: no version', 'GET /\r\nhost: a'],
  ['9112 3: no method', ' / HTTP/1.1\r\nhost: a'],
  ['9112 2.3: lower-case protocol name', 'GET / http/1.1\r\nhost: a'],
  ['9112 2.3: another major version', 'GET / HTTP/2.0\r\nhost: a'],
  ['9112 2.3: two digits', 'GET / HTTP/1.10\r\nhost: a'],
  ['9110 9.1: method is a token', 'G(T / HTTP/1.1\r\nhost: a'],
  ['9110 9.1: unknown method', 'helloGET / HTTP/1.1\r\nhost: a'],
  ['9112 3.2: two hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: a'],
  ['9112 3.2: host with a path', 'GET / HTTP/1.1\r\nhost: a/b'],
  ['9110 4.2.4: host with userinfo', 'GET / HTTP/1.1\r\nhost: a@b'],
  ['9112 3.2.1: target without slash', 'GET a HTTP/1.1\r\nhost: a'],
  ['9112 3.2.4: asterisk for GET', 'GET * HTTP/1.1\r\nhost: a'],
  ['9112 3.2.3: CONNECT to a path', 'CONNECT / HTTP/1.1\r\nhost: a'],
  ['9112 3.2.2: userinfo in an absolute target', 'GET http://u@a/ HTTP/1.1\r\nhost: a'],
  ['9112 5.1: space before the colon', 'GET / HTTP/1.1\r\nhost : a'],
  ['9112 5.1: tab before the colon', 'GET / HTTP/1.1\r\nhost: a\r\ncontent-length\t: 1'],
  ['9110 5.1: empty name', 'GET / HTTP/1.1\r\nhost: a\r\n: b'],
  ['9110 5.6.2: name is no token', 'GET / HTTP/1.1\r\nhost: a\r\na[b]: c'],
  ['9110 5.6.2: non-ASCII name', 'GET / HTTP/1.1\r\nhost: a\r\n\xc3\xa9: c'],
  ['9112 5: no colon', 'GET / HTTP/1.1\r\nhost: a\r\nabc'],
  ['9112 5.2: folded line', 'GET / HTTP/1.1\r\nhost: a\r\nb: c\r\n d'],
  ['9112 5.2: folded line with tab', 'GET / HTTP/1.1\r\nhost: a\r\nb: c\r\n\td'],
  ['9110 5.5: NUL in a value', 'GET / HTTP/1.1\r\nhost: a\r\nb: c\0d'],
  ['9110 5.5: control in a value', 'GET / HTTP/1.1\r\nhost: a\r\nb: c\x01d'],
  ['9110 5.5: DEL in a value', 'GET / HTTP/1.1\r\nhost: a\r\nb: c\x7fd'],
  [
    '9112 6.3: both length and chunked',
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked',
  ],
  [
    '9112 6.3: chunked and then length',
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1',
  ],
  ['9112 6.3: two lengths', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2'],
  ['9112 6.3: the same length twice', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1'],
  ['9110 8.6: list of lengths', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1'],
  ['9110 8.6: sign', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1'],
  ['9110 8.6: negative', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1'],
  ['9110 8.6: hexadecimal', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x1'],
  ['9110 8.6: empty', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length:'],
  ['9110 8.6: underscore', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1_0'],
  ['9110 8.6: too large', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999'],
  ['9110 8.6: fraction', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1.0'],
  ['9112 6.1: unknown coding', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip', 501],
  ['9112 6.1: chunked not alone', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked', 501],
  ['9112 6.1: chunked twice', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked', 501],
  [
    '9112 6.1: chunked in two lines',
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked',
    501,
  ],
  ['9112 6.1: chunked and identity', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity', 501],
  ['9112 6.1: quoted', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: "chunked"', 501],
  ['9112 6.1: parameter', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked;a=b', 501],
  ['9112 6.1: vertical tab', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked'],
  ['9112 6.1: HTTP/1.0', 'POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked'],
  ['9110 7.6.1: connection takes x-forwarded-for away', 'GET / HTTP/1.1\r\nhost: a\r\nconnection: x-forwarded-for'],
  ['9110 7.6.1: connection takes host away', 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close, host'],
  ['9110 7.6.1: connection takes cookie away', 'GET / HTTP/1.1\r\nhost: a\r\ncookie: a\r\nconnection: cookie'],
  ['9110 9.3.6: body in a CONNECT', 'CONNECT a:80 HTTP/1.1\r\nhost: a\r\ncontent-length: 3'],
]

describe('request heads that are refused', () => {
  for (const [clause, text, status = 400] of REFUSED) {
    test(clause, () => {
      assert.throws(
        () => parse(text),
        (error) => error instanceof CodecError && error.status === status,
      )
    })
  }
})

describe('request heads', () => {
  test('9110 5.1: names are lower-cased; 5.5: space around values goes; repetitions stay in order', () => {
    const { headers } = request('GET /a?b HTTP/1.1\nHost: Example:80\nX-A:  1 \t\nx-a:2\nX-Empty:')
    assert.deepEqual(
      [...headers],
      [
        [':authority', 'Example:80'],
        [':path', '/a?b'],
        [':method', 'GET'],
        [':scheme', ''],
        ['x-a', '1'],
        ['x-a', '2'],
        ['x-empty', ''],
      ],
    )
  })

  test('9112 3.2.2: an absolute target replaces the host', () => {
    const { headers } = request('GET http://real.example:81/p?q HTTP/1.1\nhost: other')
    assert.equal(headers.get(':authority'), 'real.example:81')
    assert.equal(headers.get(':path'), '/p?q')
    assert.equal(request('GET http://a HTTP/1.1\nhost: b').headers.get(':path'), '/')
    assert.equal(request('OPTIONS http://a HTTP/1.1\nhost: b').headers.get(':path'), '*')
    assert.equal(request('GET http://a?q HTTP/1.1\nhost: b').headers.get(':path'), '/?q')
  })

  test('9112 6: framing', () => {
    assert.equal(request('POST / HTTP/1.1\nhost: a\ncontent-length: 3').bodyKind, BodyKind.Length)
    assert.equal(request('POST / HTTP/1.1\nhost: a\ncontent-length: 0').bodyKind, BodyKind.None)
    const chunked = request('POST / HTTP/1.1\nhost: a\nTransfer-Encoding: Chunked')
    assert.equal(chunked.bodyKind, BodyKind.Chunked)
    assert.equal(chunked.headers.has('transfer-encoding'), false)
  })

  test('9110 7.6.1: what connection names, and hop-by-hop headers, go no further', () => {
    const { headers, keepAlive } = request(
      'GET / HTTP/1.1\nhost: a\nx-hop: 1\nconnection: x-hop, close\nkeep-alive: 5\nte: trailers, deflate',
    )
    assert.equal(keepAlive, false)
    assert.deepEqual([...headers].slice(4), [['te', 'trailers']])
  })

  test('9112 9.3: persistence by version', () => {
    assert.equal(request('GET / HTTP/1.1\nhost: a').keepAlive, true)
    assert.equal(request('GET / HTTP/1.0\nhost: a').keepAlive, false)
    assert.equal(request('GET / HTTP/1.0\nhost: a\nconnection: Keep-Alive').keepAlive, true)
  })

  test('9110 7.8: upgrade; h2c is not one for this proxy', () => {
    const ws = request('GET / HTTP/1.1\nhost: a\nConnection: Upgrade\nUpgrade: WebSocket')
    assert.equal(ws.bodyKind, BodyKind.Tunnel)
    assert.equal(ws.headers.get('upgrade'), 'WebSocket')
    const h2c = request(
      'GET / HTTP/1.1\nhost: a\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AA',
    )
    assert.equal(h2c.bodyKind, BodyKind.None)
    assert.equal(h2c.headers.has('upgrade'), false)
    assert.equal(h2c.headers.has('http2-settings'), false)
  })

  test('other methods when told', () => {
    const head = new MessageHead()
    head.parseRequest(Buffer.from('BREW / HTTP/1.1\r\nhost: a\r\n'), 0, 26, 'http', {
      ...DEFAULT_LIMITS,
      anyMethod: true,
    })
    assert.equal(head.method, 'BREW')
  })

  test('limits', () => {
    const many = Array.from({ length: 101 }, (_, i) => `a${i}: b`).join('\n')
    assert.throws(() => request(`GET / HTTP/1.1\nhost: a\n${many}`), { details: 'http1.too_many_headers', status: 431 })
  })
})

describe('response heads', () => {
  for (const [clause, text] of [
    ['9112 4: no status', 'HTTP/1.1 OK'],
    ['9112 4: two digits', 'HTTP/1.1 20 OK'],
    ['9112 4: four digits', 'HTTP/1.1 2000 OK'],
    ['9112 4: status 099', 'HTTP/1.1 099 x'],
    ['9112 4: other protocol', 'ICY 200 OK'],
    ['9112 6.3: both length and chunked', 'HTTP/1.1 200 OK\ncontent-length: 1\ntransfer-encoding: chunked'],
    ['9112 6.3: two lengths', 'HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 1'],
    ['9112 6.1: chunked in 204', 'HTTP/1.1 204 No\ntransfer-encoding: chunked'],
    ['9110 8.6: a length in 204', 'HTTP/1.1 204 No\ncontent-length: 3'],
    ['9112 6.1: unknown coding', 'HTTP/1.1 200 OK\ntransfer-encoding: br'],
    ['9112 5.2: folded line', 'HTTP/1.1 200 OK\na: b\n c'],
  ] as const) {
    test(`refused: ${clause}`, () => assert.throws(() => response(text), CodecError))
  }

  test('9112 6.3: which responses have a body', () => {
    assert.equal(response('HTTP/1.1 200 OK\ncontent-length: 3', 'HEAD').bodyKind, BodyKind.None)
    assert.equal(response('HTTP/1.1 304 x\ncontent-length: 3').bodyKind, BodyKind.None)
    assert.equal(response('HTTP/1.1 304 x\ncontent-length: 3').headers.get('content-length'), '3')
    assert.equal(response('HTTP/1.1 204 x\ncontent-length: 0').headers.has('content-length'), false)
    assert.equal(response('HTTP/1.1 200').bodyKind, BodyKind.UntilClose)
    assert.equal(response('HTTP/1.1 200').keepAlive, false)
    assert.equal(response('HTTP/1.1 200 \ncontent-length: 0').bodyKind, BodyKind.None)
    assert.equal(response('HTTP/1.1 200 x', 'CONNECT').bodyKind, BodyKind.Tunnel)
    assert.equal(response('HTTP/1.1 101 x\nconnection: upgrade\nupgrade: websocket').upgrade, 'websocket')
  })
})

describe('properties', () => {
  test('a head knows whether its values are ASCII, and refuses a target that is not', () => {
    const text = fc
      .string({ unit: fc.constantFrom('a', 'b', ',', '\x7e', '\x80', '\xe9', '\xff'), maxLength: 70 })
      .map((part) => (part === '' ? 'x' : part))
    fc.assert(
      fc.property(text, text, text, (target, first, second) => {
        const bytes = Buffer.from(`GET /${target} HTTP/1.1\r\nhost: a\r\nx-a: ${first}\r\nx-b: ${second}\r\n`, 'latin1')
        const head = new MessageHead()
        const parse = () => head.parseRequest(bytes, 0, bytes.length, 'http', DEFAULT_LIMITS)
        if (/[^\0-\x7f]/.test(target)) return assert.throws(parse, { status: 400, details: 'http1.codec_error' })
        parse()
        assert.equal(
          head.headers.ascii,
          head.headers.flat.every((part) => /^[\0-\x7f]*$/.test(part)),
        )
      }),
    )
  })

  const names = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,20}$/)
  const values = fc.stringMatching(/^[!-~\xa0-\xff]([ -~\xa0-\xff]{0,30}[!-~\xa0-\xff])?$/)

  test('what is written is read again', () => {
    fc.assert(
      fc.property(names, values, (name, value) => {
        fc.pre(
          !/^(host|content-length|transfer-encoding|connection|te|upgrade|keep-alive|proxy-connection|expect|http2-settings)$/i.test(
            name,
          ),
        )
        assert.equal(request(`GET / HTTP/1.1\nhost: a\n${name}: ${value}`).headers.get(name.toLowerCase()), value)
      }),
    )
  })

  test('any text is read or refused, never anything else', () => {
    const pieces = fc.string({
      unit: fc.constantFrom(
        'GET',
        ' ',
        '/',
        'HTTP/1.1',
        '\r\n',
        '\r',
        '\n',
        ':',
        'a',
        'host',
        'content-length',
        'chunked',
        ',',
        '0',
        '\t',
        '\0',
        'ÿ',
      ),
      maxLength: 40,
    })
    fc.assert(
      fc.property(pieces, (text) => {
        try {
          parse(text)
        } catch (error) {
          assert.ok(error instanceof CodecError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
