/** What a proxy does with responses: RFC 9110 and RFC 9112. */
import { clauses, get, H } from '../clause.ts'

const ask = get()
const head = `HEAD / HTTP/1.1\r\n${H}\r\n`
const ok = (fields: string, body = '') => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`
const five = 'content-length: 5\r\n'
const BAD = '502|503'

export const RESPONSES = clauses(
  [
    // Fields of one connection
    [
      '9110 7.6.1',
      'a field that Connection of a response names',
      ask,
      '200',
      {
        reply: ok(`${five}Connection: x-hop\r\nX-Hop: 1\r\nX-End: 2\r\n`, 'hello'),
        client: [/x-end: 2/i],
        clientNot: [/x-hop: 1/i],
      },
    ],
    [
      '9110 7.6.1',
      'Keep-Alive of a response',
      ask,
      '200',
      { reply: ok(`${five}Keep-Alive: timeout=9\r\n`, 'hello'), clientNot: [/timeout=9/i] },
    ],
    [
      '9112 9.6',
      'an upstream’s close is not the client’s',
      `GET / HTTP/1.1\r\nHost: a\r\n\r\n${ask}`,
      '200 200',
      { reply: ok(`${five}Connection: close\r\n`, 'hello') },
    ],
    // Date
    [
      '9110 6.6.1',
      'a response gets a Date',
      ask,
      '200',
      { client: [/\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i] },
    ],
    [
      '9110 6.6.1',
      'a Date stays',
      ask,
      '200',
      {
        reply: ok(`${five}Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n`, 'hello'),
        client: [/date: Tue, 15 Nov 1994 08:12:31 GMT/i],
      },
    ],
    // Without a body
    [
      '9110 9.3.2',
      'HEAD: the length stays, without a body',
      head,
      '200',
      { reply: ok(five), client: [/content-length: 5/i, /\r\n\r\n$/] },
    ],
    [
      '9110 9.3.2',
      'HEAD: no body for a chunked response',
      head,
      '200',
      { reply: ok('Transfer-Encoding: chunked\r\n'), client: [/\r\n\r\n$/], clientNot: [/\r\n0\r\n/] },
    ],
    [
      '9110 9.3.2',
      'HEAD: the connection goes on',
      `HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${head}`,
      '200 200',
      { reply: ok(five) },
    ],
    [
      '9110 15.3.5',
      '204 has no body',
      ask,
      '204',
      { reply: 'HTTP/1.1 204 No\r\n\r\n', client: [/\r\n\r\n$/], clientNot: [/transfer-encoding/i] },
    ],
    [
      '9110 8.6',
      '204 has no length',
      ask,
      '204',
      { reply: 'HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n', clientNot: [/content-length: [1-9]/i] },
    ],
    [
      '9110 15.4.5',
      '304 has no body, whatever its length',
      `GET / HTTP/1.1\r\nHost: a\r\n\r\n${ask}`,
      '304 304',
      { reply: 'HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n' },
    ],
    [
      '9110 15.4.5',
      '304 keeps its fields',
      ask,
      '304',
      { reply: 'HTTP/1.1 304 No\r\netag: "x"\r\n\r\n', client: [/etag: "x"/i] },
    ],
    ['9110 15.3.6', '205', ask, '205', { reply: 'HTTP/1.1 205 Reset\r\ncontent-length: 0\r\n\r\n' }],
    // Interim
    [
      '9110 15.2',
      '100 that nobody expects',
      ask,
      '200|100 200',
      { reply: `HTTP/1.1 100 Continue\r\n\r\n${ok(five, 'hello')}` },
    ],
    ['8297 2', '103', ask, '103 200|200', { reply: `HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n${ok(five, 'hello')}` }],
    ['9110 15.2', 'an unknown 1xx', ask, '199 200|200', { reply: `HTTP/1.1 199 Odd\r\n\r\n${ok(five, 'hello')}` }],
    [
      '9110 7.8',
      '101 that nobody asked for',
      ask,
      BAD,
      { reply: 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n' },
    ],
    // Length
    ['9112 6.3', 'lengths that differ', ask, BAD, { reply: ok('content-length: 5\r\ncontent-length: 6\r\n', 'hello') }],
    ['9110 8.6', 'lengths that differ in a list', ask, BAD, { reply: ok('content-length: 5, 6\r\n', 'hello') }],
    [
      '9110 8.6',
      'the same length twice',
      ask,
      '200|502|503',
      { reply: ok(`${five}${five}`, 'hello'), clientNot: [/content-length: 5[\s\S]*content-length/i] },
    ],
    ['9112 6.3', 'a length that is no number', ask, BAD, { reply: ok('content-length: 5x\r\n', 'hello') }],
    ['9112 6.3', 'a negative length', ask, BAD, { reply: ok('content-length: -5\r\n', 'hello') }],
    [
      '9112 6.3',
      'both framings',
      ask,
      '200|502|503',
      {
        reply: ok(`${five}transfer-encoding: chunked\r\n`, '5\r\nhello\r\n0\r\n\r\n'),
        clientNot: [/content-length: 5\r\n[\s\S]*chunked|chunked[\s\S]*content-length: 5\r\n/i],
      },
    ],
    ['9112 6.3', 'a body until the end', ask, '200', { reply: ok('', 'hello'), client: [/hello/] }],
    ['9112 6.1', 'an unknown coding', ask, '200|502|503', { reply: ok('transfer-encoding: frob\r\n', 'hello') }],
    [
      '9112 6.1',
      'chunked is not last',
      ask,
      '200|502|503',
      { reply: ok('transfer-encoding: chunked, gzip\r\n', 'hello') },
    ],
    [
      '9112 7.1',
      'chunks',
      ask,
      '200',
      { reply: ok('transfer-encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'), client: [/hello/] },
    ],
    [
      '9112 7.1',
      'chunks for HTTP/1.0',
      'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
      '200',
      {
        reply: ok('transfer-encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
        client: [/hello$/],
        clientNot: [/chunked/i],
      },
    ],
    [
      '9112 7.1.1',
      'extensions of a response',
      ask,
      '200',
      {
        reply: ok('transfer-encoding: chunked\r\n', '5;a=b\r\nhello\r\n0\r\n\r\n'),
        client: [/hello/],
        clientNot: [/a=b/],
      },
    ],
    [
      '9112 8',
      'a size that is no number leaves the response incomplete',
      ask,
      '200|502|503|',
      {
        reply: ok('transfer-encoding: chunked\r\n', 'zz\r\nhello\r\n0\r\n\r\n'),
        clientNot: [/200[\s\S]*\r\n0\r\n\r\n$/],
      },
    ],
    [
      '9112 8',
      'too short a body leaves the response incomplete',
      ask,
      '200',
      {
        reply: `HTTP/1.0 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\nhello`,
        clientNot: [/content-length: 5\r\n/i],
      },
    ],
    [
      '9112 6.3',
      'what follows a response is no response',
      `GET / HTTP/1.1\r\nHost: a\r\n\r\n${ask}`,
      '200 200|200 503|200 502',
      { reply: `${ok(five, 'hello')}HTTP/1.1 299 Evil\r\ncontent-length: 0\r\n\r\n`, clientNot: [/299/] },
    ],
    [
      '9112 7.1.2',
      'trailers of a response',
      get('TE: trailers\r\n'),
      '200',
      {
        reply: ok('transfer-encoding: chunked\r\ntrailer: x-end\r\n', '5\r\nhello\r\n0\r\nX-End: y\r\n\r\n'),
        client: [/x-end: y/i],
      },
    ],
    // Syntax
    ['9112 4', 'no reason', ask, '200', { reply: `HTTP/1.1 200 \r\n${five}\r\nhello` }],
    ['9112 4', 'no space behind the status', ask, '200|502|503', { reply: `HTTP/1.1 200\r\n${five}\r\nhello` }],
    ['9112 4', 'a status of letters', ask, BAD, { reply: `HTTP/1.1 abc OK\r\n${five}\r\nhello` }],
    ['9112 4', 'a status of two digits', ask, BAD, { reply: `HTTP/1.1 20 OK\r\n${five}\r\nhello` }],
    ['9112 4', 'a status of four digits', ask, BAD, { reply: `HTTP/1.1 2000 OK\r\n${five}\r\nhello` }],
    [
      '9112 2.3',
      'HTTP/1.0 of the upstream',
      ask,
      '200',
      { reply: `HTTP/1.0 200 OK\r\n${five}\r\nhello`, client: [/^HTTP\/1\.1 200/] },
    ],
    ['9112 2.3', 'HTTP/2 of the upstream', ask, BAD, { reply: `HTTP/2.0 200 OK\r\n${five}\r\nhello` }],
    ['9112 4', 'something else than HTTP', ask, BAD, { reply: 'SSH-2.0-x\r\ncontent-length: 0\r\n\r\n' }],
    [
      '9112 5.2',
      'a folded line of a response',
      ask,
      '200|502|503',
      { reply: ok(`${five}x: a\r\n b\r\n`, 'hello'), clientNot: [/\r\n b/] },
    ],
    [
      '9112 5.1',
      'a space before the colon of a response',
      ask,
      '200|502|503',
      { reply: ok(`${five}x : y\r\n`, 'hello'), clientNot: [/x : y/] },
    ],
    ['9110 5.5', 'NUL in a value of a response', ask, BAD, { reply: ok(`${five}x: a\0b\r\n`, 'hello') }],
    ['9112 2.2', 'a bare CR in a value of a response', ask, BAD, { reply: ok(`${five}x: a\rb\r\n`, 'hello') }],
    ['9112 5', 'a line without a colon in a response', ask, BAD, { reply: ok(`${five}x\r\n`, 'hello') }],
    ['9110 5.1', 'an empty name in a response', ask, BAD, { reply: ok(`${five}: y\r\n`, 'hello') }],
    [
      '9110 5.4',
      'fields of 100 KB in a response',
      ask,
      BAD,
      { reply: ok(`${five}x: ${'y'.repeat(100_000)}\r\n`, 'hello') },
    ],
    [
      '9110 5.4',
      '500 fields in a response',
      ask,
      BAD,
      { reply: ok(`${five}${Array.from({ length: 500 }, (_, i) => `x-${i}: y\r\n`).join('')}`, 'hello') },
    ],
  ],
  ' (response)',
)
