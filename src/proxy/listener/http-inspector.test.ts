import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { inspectHttp } from './http-inspector.ts'

/** What Envoy 1.40 tells, of a connection that says this and waits. */
const CASES: readonly (readonly [said: string, protocol: string | undefined])[] = [
  ['GET / HTTP/1.1\r\n', 'http/1.1'],
  ['GET / HTTP/1.1\n', 'http/1.1'],
  ['GET / HTTP/1.1\r', undefined],
  ['GET / HTTP/1.0\r\n', 'http/1.0'],
  ['GET / HTTP/1.2\r\n', 'http/1.0'],
  ['GET / HTTP/2.0\r\n', 'http/1.0'],
  ['GET / HTTP/1.11\r\n', 'none'],
  ['GET / http/1.1\r\n', 'none'],
  ['GET /\r\n', 'http/1.0'],
  ['GET\r\n', 'none'],
  ['GET', undefined],
  ['G@', 'none'],
  ['G@T / HTTP/1.1\r\n', 'none'],
  ['anything / HTTP/1.1\r\n', 'http/1.1'],
  ['GET \t/\u0001 HTTP/1.1\0\r\n', 'http/1.1'],
  [' GET / HTTP/1.1\r\n', 'none'],
  ['\r\nGET / HTTP/1.1\r\n', 'none'],
  ['GET / x HTTP/1.1\r\n', 'none'],
  ['GET a HTTP/1.1\r\n', 'none'],
  ['GET /\xe9 HTTP/1.1\r\n', 'none'],
  ['GET http://a/ HTTP/1.1\r\n', 'http/1.1'],
  ['CONNECT a:1 HTTP/1.1\r\n', 'http/1.1'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'h2c'],
  ['PRI * HTTP/2.0\r\n', undefined],
  ['PRI * HTTP/1.1\r\n', 'http/1.1'],
  ['\x16\x03\x01', 'none'],
]

describe('http_inspector', () => {
  for (const [said, protocol] of CASES)
    test(JSON.stringify(said), () => {
      assert.equal(inspectHttp(Buffer.from(said, 'latin1')), protocol)
    })

  test('looks at 64 KiB of a first line', () => {
    const line = (length: number, end: string) =>
      Buffer.from(`GET /${'a'.repeat(length - 14 - end.length)} HTTP/1.1${end}`)
    assert.equal(inspectHttp(line(65_536, '\r\n')), 'http/1.1')
    assert.equal(inspectHttp(line(65_537, '\r\n')), 'too long')
    assert.equal(inspectHttp(line(65_535, '')), undefined)
    assert.equal(inspectHttp(line(65_536, '')), 'too long')
  })

  test('tells the same of what comes in pieces', () => {
    const pieces = [
      'GET',
      'x'.repeat(30),
      ' ',
      '/',
      '/'.repeat(30),
      '\x01',
      '@',
      '\n',
      'HTTP/1.1\r',
      'PRI * HTTP/2.0\r\n',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 }), (said) => {
        let text = ''
        let told: string | undefined
        for (const piece of said) {
          told = inspectHttp(Buffer.from(text + piece, 'latin1'), text.length)
          text += piece
          assert.deepEqual(told, inspectHttp(Buffer.from(text, 'latin1')), JSON.stringify(said))
          if (told !== undefined) return
        }
      }),
    )
  })
})
