/** Answers of HTTP/1.1 upstreams: most nearly right, and wrong in a place or two. */
import { Dice } from '../filters/dice.ts'
import type { Request } from '../trial.ts'
import type { Answer } from './answer.ts'

/** Those of one seed. */
export function generate(runs: number, seed: number): Answer[] {
  return Array.from({ length: runs }, (_, i) => answer(new Dice(seed * 100_003 + i)))
}

function answer(dice: Dice): Answer {
  const request = requestOf(dice)
  const { framing, body } = bodyOf(dice)
  const lines = [...dice.list(0, 3, () => dice.pick(HEADERS)), ...framing]
  if (dice.chance(0.1)) lines.push(dice.pick(ODD_HEADERS))
  const interim = dice.chance(0.12) ? dice.pick(INTERIM) : ''
  const eol = dice.chance(0.04) ? '\n' : '\r\n'
  const head = [dice.chance(0.25) ? dice.pick(ODD_STATUS) : dice.pick(STATUS), ...shuffled(lines, dice)].join(eol)
  const behind = dice.chance(0.06) ? dice.pick(['x', '\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n']) : ''
  const text = `${interim}${head}${eol}${eol}${body}${behind}`
  const whole = dice.chance(0.08) ? text.slice(0, dice.int(0, text.length)) : text
  return { request, pieces: cut(whole, dice), end: dice.pick(['open', 'open', 'end', 'end', 'reset']) }
}

function requestOf(dice: Dice): Request {
  const version = dice.pick(['1.1', '1.1', '2', '1.0'] as const)
  const method = dice.pick(['GET', 'GET', 'GET', 'HEAD', 'POST'])
  const upgrade = version === '1.1' && method === 'GET' && dice.chance(0.08)
  return {
    version,
    method,
    target: '/',
    headers: [['host', 'a.example'], ...(upgrade ? UPGRADE : [])],
    ...(method === 'POST' ? { body: 'body' } : {}),
  }
}

const UPGRADE = [
  ['connection', 'upgrade'],
  ['upgrade', 'websocket'],
] as const

const STATUS = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 200 OK',
  'HTTP/1.1 200 OK',
  'HTTP/1.1 404 Not Found',
  'HTTP/1.1 500 Oh',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 206 Part',
  'HTTP/1.1 301 Moved',
]

const ODD_STATUS = [
  'HTTP/1.0 200 OK',
  'HTTP/1.1 200',
  'HTTP/1.1 200 ',
  'HTTP/1.1  200 OK',
  'HTTP/1.1 200  OK',
  'HTTP/1.1\t200 OK',
  ' HTTP/1.1 200 OK',
  'HTTP/2.0 200 OK',
  'HTTP/1.2 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/1 200 OK',
  'http/1.1 200 OK',
  'HTTPS/1.1 200 OK',
  'ICY 200 OK',
  'HTTP/1.1 099 X',
  'HTTP/1.1 99 X',
  'HTTP/1.1 1000 X',
  'HTTP/1.1 0 X',
  'HTTP/1.1 600 X',
  'HTTP/1.1 999 X',
  'HTTP/1.1 2OO X',
  'HTTP/1.1 -200 X',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 102 Processing',
  'HTTP/1.1 103 Early Hints',
  'HTTP/1.1 199 X',
  'HTTP/1.1 205 Reset Content',
  'HTTP/1.1 407 X',
  'HTTP/1.1 426 X',
  'HTTP/1.1 200 \xe9t\xe9',
  'HTTP/1.1 200 a\tb',
  'HTTP/1.1 200 a\0b',
  'HTTP/1.1 200 a\rb',
  'HTTP/1.1 200 \x01',
  'GET / HTTP/1.1',
  '\r\nHTTP/1.1 200 OK',
  '\nHTTP/1.1 200 OK',
  'HTTP/1.1 200 OK\r',
]

const INTERIM = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n',
  'HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\n',
  'HTTP/1.1 199 X\r\nx-a: b\r\n\r\n',
]

const HEADERS = [
  'server: up',
  'date: Sun, 06 Nov 1994 08:49:37 GMT',
  'content-type: text/plain',
  'x-a: 1',
  'x-a: 2',
  'X-Big: A',
  'x-empty:',
  'x-space:   a   ',
  'x-tab:\ta\t',
  'set-cookie: a=b',
  'set-cookie: c=d',
  'location: /b',
  'via: 1.1 x',
  'vary: a',
  'vary: b',
  'cache-control: no-store',
  'connection: close',
  'connection: keep-alive',
  'connection: x-a',
  'connection: close, x-a',
  'keep-alive: timeout=5',
  'proxy-connection: keep-alive',
  'te: trailers',
  'trailer: x-end',
  'upgrade: websocket',
  'x-envoy-upstream-canary: true',
  'x-envoy-degraded: true',
  'x-envoy-overloaded: true',
  'x-envoy-ratelimited: true',
  'x-envoy-upstream-service-time: 99',
  'x-envoy-decorator-operation: op',
  'x-request-id: own',
  'x-forwarded-for: 1.2.3.4',
  'grpc-status: 3',
  'content-encoding: gzip',
  'expect: 100-continue',
  'host: b.example',
  'x-high: \xe9',
]

const ODD_HEADERS = [
  'no colon',
  ': empty name',
  'x a: space in name',
  'x-a : space behind name',
  ' x-a: fold',
  '\tx-a: fold',
  'x-a: b\r\n folded',
  'x-a: b\r\n\tfolded',
  'x-\xe9: a',
  'x-(): a',
  'x-"a": a',
  'x\0a: b',
  'x-a: b\0c',
  'x-a: b\rc',
  'x-a: b\nx-b: c',
  'x-a: \x01',
  'x-a: \x7f',
  ':status: 200',
  ':path: /x',
  'connection: upgrade\r\nupgrade: websocket',
  'connection: upgrade\r\nupgrade: other',
  'connection: ',
  'connection: ,',
  'connection: content-length',
  'connection: transfer-encoding',
  'connection: set-cookie',
  'connection: te',
  `x-long: ${'a'.repeat(9000)}`,
  `x-longer: ${'a'.repeat(61_000)}`,
  Array.from({ length: 101 }, (_, i) => `x-${i}: a`).join('\r\n'),
  'x_under: a',
]

const LENGTHS = [
  '5, 5',
  '5,6',
  '+5',
  '-5',
  '0x5',
  '05',
  '5 ',
  '5;a',
  '',
  '5.0',
  '99999999999999999999',
  '18446744073709551615',
  'x',
]

const CODINGS = [
  'Chunked',
  'CHUNKED',
  'chunked ',
  ' chunked',
  'chunked,',
  ',chunked',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  'identity',
  'gzip',
  'xchunked',
  'chunked;a=b',
  '"chunked"',
  '',
  'identity, chunked',
]

function bodyOf(dice: Dice): { framing: string[]; body: string } {
  const text = dice.pick(['', 'hello', 'hello', 'x'.repeat(300)])
  switch (dice.int(0, 6)) {
    case 0:
      return { framing: [], body: text }
    case 1:
    case 2: {
      const told = dice.chance(0.15) ? Math.max(0, text.length + dice.pick([-1, 1, 100])) : text.length
      return { framing: [`content-length: ${told}`], body: text }
    }
    case 3: {
      const framing = dice.pick([
        [`content-length: ${dice.pick(LENGTHS)}`],
        ['content-length: 5', 'content-length: 5'],
        ['content-length: 5', 'content-length: 6'],
        ['Content-Length:5'],
      ])
      return { framing, body: 'hello' }
    }
    case 4:
    case 5:
      return { framing: ['transfer-encoding: chunked'], body: chunked(text, dice) }
    default: {
      const framing = dice.pick([
        [`transfer-encoding: ${dice.pick(CODINGS)}`],
        ['transfer-encoding: chunked', 'content-length: 5'],
        ['content-length: 5', 'transfer-encoding: chunked'],
        ['transfer-encoding: chunked', 'transfer-encoding: chunked'],
        ['transfer-encoding: gzip', 'transfer-encoding: chunked'],
        ['transfer-encoding: identity', 'content-length: 5'],
      ])
      return { framing, body: dice.chance(0.8) ? chunked(text, dice) : 'hello' }
    }
  }
}

const TRAILERS = [
  'x-end: 1',
  'x-end: 1\r\nx-end: 2',
  'grpc-status: 0',
  'content-length: 5',
  'transfer-encoding: chunked',
  'x-a:',
  'no colon',
  ' fold: a',
  'x b: c',
  ':status: 200',
  'x-a: \0',
  'connection: close',
  `x-long: ${'a'.repeat(61_000)}`,
  'host: a',
  'set-cookie: a=b',
]

function chunked(text: string, dice: Dice): string {
  const parts: string[] = []
  for (let at = 0; at < text.length; ) {
    const size = dice.int(1, text.length - at)
    parts.push(
      `${sized(size, dice)}${dice.chance(0.03) ? '\n' : '\r\n'}${text.slice(at, at + size)}${dice.chance(0.03) ? dice.pick(['\n', '', '\r', 'x\r\n']) : '\r\n'}`,
    )
    at += size
  }
  const last = dice.chance(0.06) ? dice.pick(['', '00', '0;a', '0 ', '-0']) : '0'
  const trailers = dice.chance(0.2) ? `${dice.pick(TRAILERS)}\r\n` : ''
  const end = dice.chance(0.05) ? dice.pick(['', '\n', '\r']) : '\r\n'
  return `${parts.join('')}${last}\r\n${trailers}${end}`
}

function sized(size: number, dice: Dice): string {
  const hex = size.toString(16)
  if (!dice.chance(0.15)) return hex
  return dice.pick([
    hex.toUpperCase(),
    `0${hex}`,
    `000000000000000000${hex}`,
    `${hex};a=b`,
    `${hex} ;a`,
    `${hex};a="b\\"c"`,
    `${hex} `,
    ` ${hex}`,
    `+${hex}`,
    `-${hex}`,
    `0x${hex}`,
    `${hex}\t`,
    `${hex};\0`,
    `${hex};\x80`,
    `${hex};a\rb`,
    `ffffffffffffffff${hex}`,
    `${hex}g`,
  ])
}

function shuffled<T>(list: readonly T[], dice: Dice): T[] {
  const rest = [...list]
  const all: T[] = []
  while (rest.length > 0) all.push(...rest.splice(dice.int(0, rest.length - 1), 1))
  return all
}

function cut(text: string, dice: Dice): string[] {
  if (!dice.chance(0.3)) return [text]
  const places = dice.list(1, 3, () => dice.int(0, text.length)).sort((a, b) => a - b)
  return [0, ...places].map((from, i) => text.slice(from, places[i] ?? text.length))
}
