import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../../../src/proxy/index.ts'
import {
  cluster,
  exchange,
  httpListener,
  portOf,
  type Running,
  testProxy,
  upstream,
} from '../../../src/proxy/testing.ts'

const H = 'Host: a\r\nConnection: close\r\n'

/** Bytes to the whole proxy, and the status that each answer has to have; '' where the connection just ends. */
const CASES: readonly (readonly [clause: string, what: string, bytes: string, statuses: string])[] = [
  ['9112 2.1', 'a plain request', `GET / HTTP/1.1\r\n${H}\r\n`, '200'],
  ['9112 2.2', 'an empty line before the request', `\r\nGET / HTTP/1.1\r\n${H}\r\n`, '200'],
  ['9112 2.2', 'a bare LF ends a line', `GET / HTTP/1.1\n${H}\r\n`, '400'],
  ['9112 2.2', 'a bare CR in a value', `GET / HTTP/1.1\r\n${H}x: a\rb\r\n\r\n`, '400'],
  ['9112 2.2', 'white space before the first field', `GET / HTTP/1.1\r\n ${H}\r\n`, '400'],
  ['9112 2.3', 'a higher minor version, which nothing speaks', `GET / HTTP/1.2\r\n${H}\r\n`, '400'],
  ['9112 2.3', 'another major version', `GET / HTTP/2.0\r\n${H}\r\n`, '400'],
  ['9112 2.3', 'the protocol in lower case', `GET / http/1.1\r\n${H}\r\n`, '400'],
  ['9112 3', 'two spaces', `GET  / HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9112 3', 'a tab', `GET\t/ HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9112 3', 'no target', `GET HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9112 3', 'a space in the target', `GET /a b HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9110 9.1', 'an unknown method is forwarded, and node:http refuses it', `FROB / HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9110 9.1', 'a method that is no token', `G{T / HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9112 3.2', 'no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', '400'],
  ['9112 3.2', 'two Hosts', `GET / HTTP/1.1\r\nHost: b\r\n${H}\r\n`, '400'],
  ['9112 3.2', 'a Host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', '400'],
  ['9112 3.2.2', 'an absolute target', `GET http://b/ HTTP/1.1\r\n${H}\r\n`, '200'],
  ['9112 3.2.2', 'userinfo in the target', `GET http://u@b/ HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9112 3.2.4', 'the asterisk for anything but OPTIONS', `GET * HTTP/1.1\r\n${H}\r\n`, '400'],
  ['9112 5.1', 'a space before the colon', `GET / HTTP/1.1\r\n${H}x : y\r\n\r\n`, '400'],
  ['9112 5', 'a line without a colon', `GET / HTTP/1.1\r\n${H}x\r\n\r\n`, '400'],
  ['9112 5.2', 'a folded line', `GET / HTTP/1.1\r\n${H}x: y\r\n z\r\n\r\n`, '400'],
  ['9110 5.1', 'an empty name', `GET / HTTP/1.1\r\n${H}: y\r\n\r\n`, '400'],
  ['9110 5.5', 'NUL in a value', `GET / HTTP/1.1\r\n${H}x: \0\r\n\r\n`, '400'],
  ['9110 5.5', 'bytes above ASCII in a value', `GET / HTTP/1.1\r\n${H}x: \xe9\r\n\r\n`, '200'],
  ['9110 5.5', 'an empty value', `GET / HTTP/1.1\r\n${H}x:\r\n\r\n`, '200'],
  [
    '9112 6.1',
    'both framings',
    `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    '400',
  ],
  ['9112 6.1', 'chunked in HTTP/1.0', `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, '400'],
  ['9112 6.1', 'an unknown coding', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: frob\r\n\r\n`, '501'],
  ['9112 6.3', 'chunked is not last', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked, gzip\r\n\r\n`, '501|400'],
  ['9112 6.3', 'lengths that differ', `POST / HTTP/1.1\r\n${H}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, '400'],
  ['9112 6.3', 'a negative length', `POST / HTTP/1.1\r\n${H}Content-Length: -1\r\n\r\n`, '400'],
  ['9112 6.3', 'a signed length', `POST / HTTP/1.1\r\n${H}Content-Length: +1\r\n\r\na`, '400'],
  ['9112 6.3', 'a length in hex', `POST / HTTP/1.1\r\n${H}Content-Length: 0x1\r\n\r\na`, '400'],
  [
    '9112 6.3',
    'a length beyond all numbers',
    `POST / HTTP/1.1\r\n${H}Content-Length: 99999999999999999999\r\n\r\n`,
    '400|413',
  ],
  ['9112 7.1', 'chunks', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, '200'],
  [
    '9112 7.1',
    'the coding’s name in another case',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`,
    '200',
  ],
  [
    '9112 7.1',
    'a size that is no number',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n`,
    '400',
  ],
  [
    '9112 7.1',
    'a size with 0x',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`,
    '400',
  ],
  [
    '9112 7.1',
    'a size beyond all numbers',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n`,
    '400',
  ],
  [
    '9112 7.1',
    'no line end behind the data',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n`,
    '400',
  ],
  [
    '9112 7.1',
    'a bare LF behind a size',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`,
    '400',
  ],
  [
    '9112 7.1.1',
    'an extension is ignored',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n`,
    '200',
  ],
  ['9112 7.1.2', 'a trailer', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n\r\n`, '200'],
  [
    '9112 9.3',
    'HTTP/1.1 stays open',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    '200 200',
  ],
  ['9112 9.6', 'nothing is read behind close', `GET / HTTP/1.1\r\n${H}\r\nGET / HTTP/1.1\r\n${H}\r\n`, '200'],
  [
    '9112 9.3',
    'nothing is read behind a refusal',
    `GET / HTTP/1.1\r\n${H}x : y\r\n\r\nGET / HTTP/1.1\r\n${H}\r\n`,
    '400',
  ],
  [
    '9110 10.1.1',
    'an expectation is answered',
    `POST / HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 1\r\n\r\na`,
    '100 200|200',
  ],
  ['9110 9.3.2', 'HEAD', `HEAD / HTTP/1.1\r\n${H}\r\n`, '200'],
  [
    '9110 7.8',
    'an upgrade that is not wanted',
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`,
    '403',
  ],
]

describe('RFC 9110 and RFC 9112, through the whole proxy', () => {
  let up: Running
  let proxy: ProxyHandle

  before(async () => {
    up = await upstream()
    proxy = await testProxy(
      [httpListener({ hcm: 'http_protocol_options: { accept_http_10: true }' })],
      [cluster(up.port)],
    )
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  for (const [clause, what, bytes, statuses] of CASES) {
    test(`${clause}: ${what}`, async () => {
      const text = await exchange(portOf(proxy), bytes, 150)
      const seen = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status).join(' ')
      assert.ok(statuses.split('|').includes(seen), `${seen}, expected ${statuses}`)
    })
  }
})
