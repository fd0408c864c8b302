/** Calls of gRPC by browsers, with messages whole and in pieces, binary and as text. */
import type { Answer, Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'

type Generated = Omit<Case, 'id' | 'what'>

const WEB_TYPES = [
  ...[
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpc-web-text',
    'application/grpc-web-text+proto',
  ],
  ...[
    'application/grpc-web-text',
    'application/grpc',
    'application/grpc+proto',
    'application/grpc-web+json',
    'text/plain',
  ],
  ...['APPLICATION/GRPC-WEB', 'application/grpc-web; charset=utf-8', 'application/grpc-webx', ''],
]
const ACCEPTS = [
  '*/*',
  'application/grpc-web-text',
  'application/grpc-web-text+proto',
  'application/grpc-web+proto',
  'text/plain',
]
const STATUSES = ['0', '0', '5', '16', '17', 'x', '', '-1', '99']

/** Frames of messages: a flag, four bytes of length, the message. */
export function frames(dice: Dice): string {
  return dice
    .list(0, 3, () => {
      const message = dice.pick(['', 'a', 'hello', '\xe9\x00', 'y'.repeat(300)])
      const length = String.fromCharCode(0, 0, message.length >> 8, message.length & 255)
      return `${dice.pick(['\0', '\0', '\x01'])}${length}${message}`
    })
    .join('')
}

export function inPieces(dice: Dice, bytes: string): Pick<Answer, 'body' | 'chunks'> {
  if (bytes === '' || dice.chance(0.5)) return { body: bytes }
  const at = dice.int(0, bytes.length)
  return { chunks: [bytes.slice(0, at), bytes.slice(at)].filter((one) => one !== '') }
}

export function answer(dice: Dice, type: string): Answer {
  const status = dice.pick(STATUSES)
  const rest = { 'grpc-status': status, ...(dice.chance(0.4) ? { 'grpc-message': dice.pick(['m', '', 'a%20b']) } : {}) }
  const headers = {
    ...(dice.chance(0.9) ? { 'content-type': type } : {}),
    ...(dice.chance(0.2) ? { 'x-a': '1', 'grpc-encoding': 'identity' } : {}),
  }
  const code = dice.chance(0.85) ? 200 : dice.pick([404, 503, 204])
  if (dice.chance(0.25)) return { status: code, headers: { ...headers, ...rest }, body: '' }
  const bytes = frames(dice)
  const trailers = { ...rest, ...(dice.chance(0.3) ? { 'X-Trailer': 'a b' } : {}) }
  return dice.chance(0.8) && bytes !== ''
    ? { status: code, headers, chunks: inPieces(dice, bytes).chunks ?? [bytes], trailers }
    : { status: code, headers, ...inPieces(dice, bytes) }
}

export const TRAILERS = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': '~extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http_protocol_options: { enable_trailers: true } },
  },
}

export const ROUTES = [
  { match: { path: '/direct' }, direct_response: { status: 403, body: { inline_string: 'no' } } },
  { match: { prefix: '/down' }, route: { cluster: '$down' } },
  { match: { prefix: '/' }, route: { cluster: '$up' } },
]

export const PATHS = [
  '/s.S/m',
  '/s.S/m',
  '/s.S/n',
  '/t/m',
  '/s.S',
  '/',
  '/s.S/m/x',
  '/s.S/m?x',
  '//m',
  '/direct',
  '/down/m',
  '/none',
]

export function filter(name: string, typed_config: Record<string, unknown>): unknown {
  return { name: `envoy.filters.http.${name}`, typed_config }
}

export function grpcWebCase(dice: Dice): Generated {
  return {
    hcm: { http_protocol_options: { enable_trailers: true } },
    clusters: { up: { typed_extension_protocol_options: TRAILERS }, down: { down: true } },
    routes: ROUTES,
    filters: [filter('grpc_web', { '@type': '~extensions.filters.http.grpc_web.v3.GrpcWeb' })],
    upstream: dice.list(1, 3, () =>
      answer(dice, dice.pick(['application/grpc', 'application/grpc', 'application/grpc+proto', 'text/plain'])),
    ),
    steps: dice.list(2, 4, (): Step => {
      const type = dice.pick(WEB_TYPES)
      const bytes = frames(dice)
      const text = Buffer.from(bytes, 'latin1').toString('base64')
      const twice = text.endsWith('=') ? text : `${text}${text}`
      const odd = ['!', 'QQ', 'QR==', 'QUJD====', 'QUJ!', ' ']
      const body = type.includes('-text') ? dice.pick([text, text, text, text.slice(1), twice, dice.pick(odd)]) : bytes
      return {
        send: {
          method: dice.chance(0.9) ? 'POST' : dice.pick(['GET', 'OPTIONS', 'HEAD']),
          path: dice.pick(PATHS),
          headers: {
            ...(type === '' ? {} : { 'content-type': type }),
            ...(dice.chance(0.5) ? { accept: dice.pick(ACCEPTS) } : {}),
            ...(dice.chance(0.2) ? { 'x-grpc-web': '1', 'grpc-accept-encoding': 'gzip' } : {}),
          },
          ...inPieces(dice, body),
        },
        expect: {},
      }
    }),
  }
}
