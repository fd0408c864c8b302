/** Formats of the access log: operators with arguments and lengths as they may be, and as they may not be. */
import type { Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import type { Generator } from './generate.ts'

/** Whose value is the same on both proxies. */
export const PLAIN = [
  'PROTOCOL',
  'RESPONSE_CODE',
  'RESPONSE_CODE_DETAILS',
  'RESPONSE_FLAGS',
  'RESPONSE_FLAGS_LONG',
  'CONNECTION_TERMINATION_DETAILS',
  'BYTES_RECEIVED',
  'BYTES_SENT',
  'RESPONSE_TRAILERS_BYTES',
  'UPSTREAM_CLUSTER',
  'UPSTREAM_CLUSTER_RAW',
  'UPSTREAM_PROTOCOL',
  'UPSTREAM_HOST',
  'UPSTREAM_HOST_NAME',
  'UPSTREAM_HOST_NAME_WITHOUT_PORT',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'UPSTREAM_REMOTE_PORT',
  'UPSTREAM_REQUEST_ATTEMPT_COUNT',
  'UPSTREAM_TRANSPORT_FAILURE_REASON',
  'ROUTE_NAME',
  'VIRTUAL_CLUSTER_NAME',
  'FILTER_CHAIN_NAME',
  'REQUESTED_SERVER_NAME',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'DOWNSTREAM_TLS_VERSION',
  'DOWNSTREAM_TLS_CIPHER',
  'DOWNSTREAM_TLS_SESSION_ID',
  'DOWNSTREAM_PEER_SUBJECT',
  'DOWNSTREAM_PEER_ISSUER',
  'DOWNSTREAM_PEER_URI_SAN',
  'DOWNSTREAM_PEER_DNS_SAN',
  'DOWNSTREAM_PEER_SERIAL',
  'DOWNSTREAM_PEER_FINGERPRINT_256',
  'DOWNSTREAM_PEER_CERT',
  'DOWNSTREAM_LOCAL_SUBJECT',
  'DOWNSTREAM_LOCAL_URI_SAN',
  'DOWNSTREAM_LOCAL_DNS_SAN',
  'HOSTNAME',
  'GRPC_STATUS',
  'GRPC_STATUS_NUMBER',
  'TRACE_ID',
  'LOCAL_REPLY_BODY',
  'PATH',
]
const HEADERS = [
  'x-a',
  'X-A',
  ':path',
  ':method',
  ':authority',
  'x-none',
  'x-none?x-a',
  'x-a?x-none',
  'X-NONE?:PATH',
  'x-empty',
  'x-empty?x-a',
  'x-bytes',
  'x-long',
  'x-many',
  'host',
  ':scheme',
  ':status',
  'content-type',
]
const KEYS = [
  't',
  't:s',
  't:n',
  't:f',
  't:b',
  't:l',
  't:o',
  't:o:a',
  't:o:a:b',
  't:o:none',
  't:none',
  'none',
  't:big',
  't:z',
  't:s:x',
  't:empty',
  't:quoted',
]

function operator(dice: Dice): string {
  const limit = dice.chance(0.3) ? `:${dice.pick([0, 1, 2, 5, 100])}` : ''
  switch (dice.int(0, 9)) {
    case 0:
    case 1:
      return `%${dice.pick(['REQ', 'REQ', 'RESP', 'TRAILER', 'REQUEST_HEADER', 'RESPONSE_HEADER', 'RESPONSE_TRAILER', 'REQ_WITHOUT_QUERY'])}(${dice.pick(HEADERS)})${limit}%`
    case 2:
      return `%${dice.pick(['DYNAMIC_METADATA(', 'METADATA(DYNAMIC:'])}${dice.pick(KEYS)})${limit}%`
    case 3:
      return `%${dice.pick(['METADATA(ROUTE:', 'METADATA(CLUSTER:', 'METADATA(UPSTREAM_HOST:', 'CLUSTER_METADATA(', 'UPSTREAM_METADATA(', 'METADATA(VIRTUAL_HOST:'])}${dice.pick(KEYS)})${limit}%`
    case 4:
      return `%${dice.pick(['QUERY_PARAM(a)', 'QUERY_PARAM(none)', 'QUERY_PARAM(q)', 'PATH(NQ)', 'PATH(WQ:PATH)', 'PATH(NQ:ORIG)', 'PATH(WQ:ORIG_OR_PATH)', 'GRPC_STATUS(NUMBER)', 'GRPC_STATUS(CAMEL_STRING)', 'GRPC_STATUS(SNAKE_STRING)', 'FILTER_STATE(none)', 'FILTER_STATE(none:PLAIN)', 'FILTER_STATE(none:TYPED)', 'ENVIRONMENT(NONE_SUCH)', 'START_TIME(%%)', 'START_TIME(x)', 'TRACE_ID()'])}${limit}%`
    default:
      return `%${dice.pick(PLAIN)}%`
  }
}

const LITERALS = [' ', '-', '"', '\\', 'é', '%%', '{', '|', '\t', '']

function text(dice: Dice): string {
  return dice.list(1, 3, () => operator(dice)).join(dice.pick(LITERALS))
}

function json(dice: Dice, depth: number): unknown {
  if (depth < 2 && dice.chance(0.3)) {
    return Object.fromEntries(
      dice.list(0, 4, (i) => [`${dice.pick(['a', 'B', 'é', '"', '_', ''])}${i}`, json(dice, depth + 1)]),
    )
  }
  if (depth < 2 && dice.chance(0.1)) return dice.list(0, 3, () => json(dice, depth + 1))
  return dice.pick([
    () => operator(dice),
    () => text(dice),
    () => 'plain',
    () => 5,
    () => 1.5,
    () => true,
    () => null,
    () => 1e21,
    () => '',
  ])()
}

function format(dice: Dice): Record<string, unknown> {
  const omit = dice.chance(0.3) ? { omit_empty_values: true } : {}
  const formatters = {
    formatters: ['metadata', 'req_without_query']
      .map((name) => ({
        name: `envoy.formatter.${name}`,
        typed_config: {
          '@type': `~extensions.formatter.${name}.v3.${name === 'metadata' ? 'Metadata' : 'ReqWithoutQuery'}`,
        },
      }))
      .slice(0, 2),
  }
  if (dice.chance(0.5)) {
    const line = dice.list(1, 6, () => text(dice)).join(' ')
    return { ...formatters, ...omit, text_format_source: { inline_string: `${line}\n` } }
  }
  return {
    ...formatters,
    ...omit,
    json_format: { line: json(dice, 0), ...Object.fromEntries(dice.list(1, 3, (i) => [`k${i}`, json(dice, 0)])) },
  }
}

export const METADATA = {
  t: {
    s: 'text',
    n: 5,
    f: 1.5,
    b: true,
    l: [1, 'a', null, { x: 1.25 }],
    o: { a: { b: 'é' } },
    big: 1e15,
    z: null,
    empty: '',
    quoted: 'a "b" \\ c',
  },
}

export function accessLogCase(dice: Dice): ReturnType<Generator> {
  return {
    hcm: logged(format(dice)),
    clusters: { up: { endpoint_metadata: METADATA, metadata: { filter_metadata: METADATA } } },
    routes: [
      {
        match: { prefix: '/old' },
        name: 'rewritten',
        route: { cluster: '$up', prefix_rewrite: '/new' },
        metadata: { filter_metadata: METADATA },
      },
      {
        match: { prefix: '/direct' },
        name: 'direct',
        direct_response: { status: 503, body: { inline_string: 'no "way"' } },
      },
      { match: { prefix: '/' }, route: { cluster: '$up' }, metadata: { filter_metadata: METADATA } },
    ],
    upstream: [
      {
        status: dice.pick([200, 404, 503]),
        headers: {
          'x-a': dice.pick(['1', ['1', '2']]),
          'content-type': dice.pick(['text/plain', 'application/grpc']),
          ...dice.pick<Record<string, string>>([{}, { 'grpc-status': dice.pick(['0', '7', '16', '99', 'x']) }]),
        },
        ...dice.pick([
          { body: 'hello' },
          { chunks: ['hello'], trailers: { 'x-a': 't', 'grpc-status': '5', 'grpc-message': 'm' } },
        ]),
      },
    ],
    steps: dice.list(
      1,
      2,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST']),
          path: dice.pick(['/', '/old/x?q=1', '/direct?a=%22', '/p?a=1&a=2&q=', '/"q"']),
          headers: {
            'x-a': dice.pick(['1', ['1', '2'], 'a "b"\\']),
            'x-empty': '',
            'x-bytes': '\xe9\xff',
            'x-long': 'y'.repeat(50),
            ...(dice.chance(0.2) ? { 'content-type': 'application/grpc' } : {}),
          },
          ...dice.pick([{}, { body: 'hello' }]),
        },
        expect: {},
      }),
    ),
  }
}

function logged(log_format: unknown): Record<string, unknown> {
  return {
    access_log: [
      {
        name: 'envoy.access_loggers.file',
        typed_config: { '@type': '~extensions.access_loggers.file.v3.FileAccessLog', path: '$log', log_format },
      },
    ],
  }
}
