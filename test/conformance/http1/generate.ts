/** Messages whose end can be read in more than one way: variations of what request smuggling is made of. */

/** A small generator with a seed (mulberry32): a failure can be run again. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const HIDDEN = 'GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n'
const LENGTHS = [
  '0',
  '5',
  '05',
  '+5',
  '-5',
  '5, 5',
  '5,6',
  '5 ',
  '\t5',
  '0x5',
  '5.0',
  '',
  '33',
  '5\v',
  '99999999999999999999',
  '5;6',
  '1_0',
]
const CODINGS = [
  'chunked',
  'Chunked',
  ' chunked',
  'chunked ',
  'chunked, identity',
  'identity, chunked',
  'gzip, chunked',
  'chunked, chunked',
  'xchunked',
  '"chunked"',
  'chunked\t',
  'chunked;q=1',
  'identity',
  '',
  '\vchunked',
  'chun\tked',
  ',chunked',
  'chunked,',
]
const NAMES = ['', ' ', '\t', '\0', '_', '\x0b', ':', '\xa0']
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\r\n ']
const SIZES = [
  '5',
  '05',
  '5;a=b',
  '5 ',
  ' 5',
  '0x5',
  '5\t',
  '5;\n',
  '+5',
  '5_',
  '000000000000000000005',
  'FFFFFFFFFFFFFFFFF',
  '-5',
  '5;a="\r\n"',
  '',
]
// Without TRACE and unknown methods, which readers refuse for reasons of their own.
const METHODS = ['POST', 'POST', 'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT']
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'http/1.1',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.1 ',
]

/** One ambiguous message with more behind it. */
export function ambiguous(pick: (below: number) => number, id: number): string {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)]
  const rarely = (odd: string, usual: string) => (pick(14) === 0 ? odd : usual)
  const name = (usual: string) => rarely(one([`${usual}${one(NAMES)}`, `${one(NAMES)}${usual}`]), usual)
  const end = () => rarely(one(ENDS), '\r\n')
  const lines: string[] = []
  const framing = pick(8)
  const lengths = framing < 3 ? 1 : framing === 3 ? 2 : framing === 4 ? 1 : 0
  const codings = framing === 4 ? 1 : framing > 4 ? (framing === 7 ? 2 : 1) : 0
  for (let i = 0; i < lengths; i++)
    lines.push(`${name('Content-Length')}:${rarely('', ' ')}${rarely(one(LENGTHS), one(['0', '5', '33']))}`)
  for (let i = 0; i < codings; i++)
    lines.push(`${name('Transfer-Encoding')}:${rarely('', ' ')}${rarely(one(CODINGS), 'chunked')}`)
  if (pick(5) === 0)
    lines.push(
      one([
        'Connection: close',
        'Connection: content-length',
        'Connection: transfer-encoding',
        'Upgrade: x',
        'Expect: 100-continue',
        'TE: trailers',
        'Host: b',
        'X: a\r\n b',
        'X:\0',
        'Trailer: content-length',
      ]),
    )
  lines.sort(() => pick(3) - 1)
  const host = pick(12) === 0 ? '' : `Host: a${end()}`
  const head = `${one(METHODS)}${rarely(one(['  ', '\t']), ' ')}/m${id}${rarely(one(['?a b', '#x', '%0d%0a', '\0']), '')} ${rarely(one(VERSIONS), 'HTTP/1.1')}${end()}${host}${lines.map((line) => line + end()).join('')}${end()}`
  return `${head}${body(pick, one)}${pick(2) === 0 ? HIDDEN : ''}`
}

function body(pick: (below: number) => number, one: <T>(list: readonly T[]) => T): string {
  const odd = pick(4) === 0
  const size = odd ? one(SIZES) : '5'
  const last = odd
    ? one([
        '0\r\n\r\n',
        '0\r\n',
        '00\r\n\r\n',
        '0;x\r\n\r\n',
        '0\n\n',
        '0\r\ncontent-length: 5\r\n\r\n',
        '0\r\nx: y\r\n\r\n',
      ])
    : '0\r\n\r\n'
  switch (pick(5)) {
    case 0:
      return `${size}\r\nhello${odd ? one(['\r\n', '\n', '', 'x\r\n']) : '\r\n'}${last}`
    case 1:
      return last
    case 2:
      return 'hello'
    case 3:
      return `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n${last}`
    default:
      return HIDDEN
  }
}
