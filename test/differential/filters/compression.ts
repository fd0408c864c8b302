/** What clients accept, as RFC 9110 12.5.3 lets them write it and as it does not, and what responses and requests are that could be coded. */
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'

type Config = Record<string, unknown>
type Generated = Omit<Case, 'id' | 'what'>

const CODINGS = ['gzip', 'gzip', 'br', 'zstd', 'identity', '*', 'deflate', 'x-gzip', '']
const WEIGHTS = [
  ...['', '', '', ';q=1', ';q=0', ';q=0.5', '; q=0.8', ' ;q=0.001', ';q=1.5', ';q=x', ';q=', ';q=0.5;x', ';x=1;q=0'],
  ...[
    ';q =1',
    ';',
    ';q=-1',
    ';q=1e-1',
    ';q=.5',
    ';q=5.',
    ';q=+1',
    ';q=0x1',
    ';q=nan',
    ';q=inf',
    '; q = 0.3 ',
    ';q="1"',
  ],
]
const TYPES = [
  'text/plain',
  'text/html',
  'application/json',
  'image/png',
  'TEXT/HTML',
  'text/plain; charset=utf-8',
  'a',
]
const ODD_TYPES = ['text/plain;x', ' text/plain ;x', ';text/plain', 'text/plain,text/html', 'text/', '']
const LIBRARIES = ['gzip', 'brotli', 'zstd'] as const

function accepted(dice: Dice): string {
  return dice
    .list(0, 4, () => `${dice.pick(CODINGS)}${dice.pick(WEIGHTS)}`)
    .join(dice.pick([',', ',', ', ', ' , ', ',,', ';', ' ']))
}

function library(name: (typeof LIBRARIES)[number], what: 'compressor' | 'decompressor', called: string): Config {
  const type = `${name}.${what}.v3.${name[0].toUpperCase()}${name.slice(1)}`
  return { name: called, typed_config: { '@type': `~extensions.compression.${type}` } }
}

function common(dice: Dice): Config {
  const enabled = { default_value: dice.chance(0.5), runtime_key: 'none' }
  return {
    ...(dice.chance(0.15) ? { enabled } : {}),
    ...(dice.chance(0.5) ? { min_content_length: dice.pick([0, 1, 5, 100]) } : {}),
    ...(dice.chance(0.3) ? { content_type: dice.list(1, 2, () => dice.pick([...TYPES, ...ODD_TYPES])) } : {}),
  }
}

function response(dice: Dice): Config {
  return {
    common_config: common(dice),
    ...(dice.chance(0.2) ? { disable_on_etag_header: true } : {}),
    ...(dice.chance(0.2) ? { weaken_etag_on_compress: true } : {}),
    ...(dice.chance(0.2) ? { remove_accept_encoding_header: true } : {}),
    ...(dice.chance(0.3) ? { uncompressible_response_codes: [dice.pick([404, 206])] } : {}),
  }
}

function compressor(dice: Dice, name: (typeof LIBRARIES)[number], requests: boolean): Config {
  return {
    name: `compressor.${name}`,
    typed_config: {
      '@type': '~extensions.filters.http.compressor.v3.Compressor',
      ...(dice.chance(0.9) ? { response_direction_config: response(dice) } : { content_type: [dice.pick(TYPES)] }),
      ...(requests && dice.chance(0.5) ? { request_direction_config: { common_config: common(dice) } } : {}),
      ...(dice.chance(0.3) ? { choose_first: true } : {}),
      compressor_library: library(name, 'compressor', dice.chance(0.02) ? '' : dice.pick(['lib', 'a.b'])),
    },
  }
}

/** `disabled` where no requests are compressed: of those Envoy makes no exception. */
function perRoute(dice: Dice, disabled: boolean): Config {
  if (dice.chance(0.7)) return {}
  const rule = dice.pick<() => Config>([
    () => (disabled ? { disabled: true } : { overrides: {} }),
    () => ({ overrides: {} }),
    () => ({ overrides: { response_direction_config: {} } }),
    () => ({ overrides: { response_direction_config: { remove_accept_encoding_header: dice.chance(0.5) } } }),
  ])
  const config = { '@type': '~extensions.filters.http.compressor.v3.CompressorPerRoute', ...rule() }
  return { typed_per_filter_config: { [`compressor.${dice.pick(LIBRARIES)}`]: config } }
}

/** The bytes that come out are each library's own: what is compared is whether, and by which. */
const FACTS = '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESP(content-encoding)%'

const BODIES = [
  { body: 'y'.repeat(50) },
  { body: 'y'.repeat(200) },
  { body: '' },
  { chunks: ['yyyy', 'y'] },
  { body: 'abc' },
]

export function compressorCase(dice: Dice): Generated {
  const libraries = dice.some(LIBRARIES, 0.6)
  const own = `compressor${dice.int(0, 1e9)}`
  const requests = dice.chance(0.5)
  return {
    log: FACTS,
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.compressor.`]: {} },
    filters: (libraries.length === 0 ? (['gzip'] as const) : libraries).map((name) => compressor(dice, name, requests)),
    routes: [{ match: { prefix: '/' }, route: { cluster: '$up' }, ...perRoute(dice, !requests) }],
    upstream: dice.list(1, 3, () => ({
      status: dice.pick([200, 200, 200, 404, 206, 204, 304]),
      headers: {
        ...(dice.chance(0.8) ? { 'content-type': dice.pick([...TYPES, ...TYPES, ...ODD_TYPES]) } : {}),
        ...(dice.chance(0.3)
          ? {
              vary: dice.pick([
                'accept',
                'Accept-Encoding',
                '*',
                'a, accept-encoding',
                'accept-encodings',
                '',
                ['a', 'b'],
              ]),
            }
          : {}),
        ...(dice.chance(0.3) ? { etag: dice.pick(['"a"', 'W/"a"', 'w/"a"', 'a', '', 'W/']) } : {}),
        ...(dice.chance(0.2)
          ? {
              'cache-control': dice.pick(['no-transform', 'max-age=1, No-Transform', 'private', ['a', 'no-transform']]),
            }
          : {}),
        ...(dice.chance(0.1) ? { 'content-encoding': dice.pick(['gzip', 'identity', '']) } : {}),
        ...(dice.chance(0.2) ? { 'accept-ranges': 'bytes' } : {}),
      },
      ...dice.pick(BODIES),
    })),
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'GET', 'HEAD', 'POST', 'POST']),
          headers: {
            ...(dice.chance(0.9)
              ? { 'accept-encoding': dice.chance(0.9) ? accepted(dice) : [accepted(dice), accepted(dice)] }
              : {}),
            ...(dice.chance(0.3) ? { 'content-type': dice.pick(TYPES) } : {}),
            ...(dice.chance(0.1) ? { 'content-encoding': 'identity' } : {}),
          },
          ...dice.pick([{}, {}, ...BODIES]),
        },
        expect: {},
      }),
    ),
  }
}

const TEXT = 'hello '.repeat(20)
const CODED: Readonly<Record<string, Buffer>> = {
  gzip: gzipSync(TEXT),
  br: brotliCompressSync(TEXT),
  zstd: zstdCompressSync(TEXT),
  none: Buffer.from(TEXT),
}
/** One of several codings is told of the first in Envoy, and broken then: test/parity has that. */
const ENCODINGS = ['gzip', 'gzip', 'br', 'br', 'zstd', 'zstd', 'GZIP', 'x-gzip', 'identity', '', ' gzip ', 'br;q=1']

/** A message that says how it is coded, which mostly is so. */
function coded(dice: Dice): { headers: Record<string, string | string[]>; body?: string; chunks?: string[] } {
  const encoding = dice.pick(ENCODINGS)
  const bytes = (CODED[dice.chance(0.9) ? encoding.trim().toLowerCase() : 'gzip'] ?? CODED['none']) as Buffer
  const text = bytes.toString('latin1')
  const at = dice.int(0, text.length)
  return {
    headers: {
      ...(dice.chance(0.9) ? { 'content-encoding': encoding } : {}),
      ...(dice.chance(0.2) ? { 'cache-control': dice.pick(['no-transform', 'private', 'a,no-transform']) } : {}),
      ...(dice.chance(0.2) ? { etag: '"a"', 'accept-ranges': 'bytes' } : {}),
    },
    ...dice.pick([
      { body: text },
      { body: text },
      { chunks: [text.slice(0, at), text.slice(at)].filter((one) => one !== '') },
    ]),
  }
}

function direction(dice: Dice): Config {
  const enabled = { default_value: dice.chance(0.5), runtime_key: 'none' }
  return {
    common_config: {
      ...(dice.chance(0.3) ? { enabled } : {}),
      ...(dice.chance(0.3) ? { ignore_no_transform_header: true } : {}),
    },
  }
}

export function decompressorCase(dice: Dice): Generated {
  const own = `decompressor${dice.int(0, 1e9)}`
  const libraries = dice.some(LIBRARIES, 0.6)
  return {
    log: FACTS,
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.decompressor.`]: {} },
    filters: (libraries.length === 0 ? (['gzip'] as const) : libraries).map((name) => ({
      name: `decompressor.${name}`,
      typed_config: {
        '@type': '~extensions.filters.http.decompressor.v3.Decompressor',
        // Envoy takes the name of the first library of the process for all trailers.
        decompressor_library: library(name, 'decompressor', 'lib'),
        ...(dice.chance(0.6)
          ? {
              request_direction_config: {
                ...direction(dice),
                ...(dice.chance(0.5) ? { advertise_accept_encoding: dice.chance(0.6) } : {}),
              },
            }
          : {}),
        ...(dice.chance(0.5) ? { response_direction_config: direction(dice) } : {}),
      },
    })),
    upstream: dice.list(1, 3, () => ({ status: dice.pick([200, 200, 206, 404]), ...coded(dice) })),
    steps: dice.list(2, 5, (): Step => {
      const message = dice.chance(0.5) ? coded(dice) : { headers: {} }
      return {
        send: {
          method: dice.pick(['GET', 'POST', 'POST', 'HEAD']),
          ...message,
          headers: {
            ...message.headers,
            ...(dice.chance(0.5)
              ? { 'accept-encoding': dice.chance(0.8) ? accepted(dice) : [accepted(dice), accepted(dice)] }
              : {}),
          },
        },
        expect: {},
      }
    }),
  }
}
