/** Tunnels whose outcome no race decides: each was another one than Envoy's, or none at all. */
import type { Field } from '../trial.ts'
import type { Json, Script, Trial } from './trial.ts'

const UPGRADE = 'GET /chat HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
const AGREED = { head: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n' }
const CONNECT: readonly Field[] = [
  [':method', 'CONNECT'],
  [':authority', 'a.example:443'],
]
const EXTENDED: readonly Field[] = [...CONNECT, [':protocol', 'WebSocket'], [':scheme', 'http'], [':path', '/chat']]
const TALK: Script = ['met', { say: 10 }, { hear: 3 }, 'reset']
const ANSWER: Script = [{ hear: 10 }, { say: 3 }]
const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
}
const ENDS_HERE = { upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] }
const MARK = {
  name: 'mark',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
    mutations: {
      response_mutations: [
        { append: { header: { key: 'x-set', value: '1' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } },
      ],
    },
  },
}

interface Case {
  readonly client: Script
  /** How often. */
  readonly times?: number
  readonly upstream?: readonly Script[]
  readonly speaks?: Trial['upstream']['speaks']
  readonly filters?: readonly unknown[]
  readonly route?: Json
  readonly cluster?: Json
  readonly manager?: Json
}

const CASES: Readonly<Record<string, Case>> = {
  'to-http2-on-a-new-connection': {
    client: [{ head: `${UPGRADE}\r\n` }, ...TALK],
    speaks: 'http2',
    upstream: [[{ head: [[':status', '200']] }, ...ANSWER]],
    cluster: HTTP2,
  },
  'tried-again-over-http2': {
    client: [{ head: `${UPGRADE}\r\n` }, ...TALK],
    speaks: 'http2',
    upstream: [[{ head: [[':status', '503']], end: true }], [{ head: [[':status', '200']] }, ...ANSWER]],
    cluster: HTTP2,
    route: { retry_policy: { retry_on: '5xx', num_retries: 1 } },
  },
  'with-a-length-of-0-to-http2': {
    client: [{ head: `${UPGRADE}content-length: 0\r\n\r\n` }, ...TALK],
    speaks: 'http2',
    upstream: [[{ head: [[':status', '200']] }, ...ANSWER]],
    cluster: HTTP2,
  },
  'by-head': {
    client: [{ head: `${UPGRADE.replace('GET', 'HEAD')}\r\n` }, ...TALK],
    upstream: [[AGREED, ...ANSWER]],
  },
  'in-letters-of-its-own-over-http2': { client: [{ head: EXTENDED }, ...TALK], upstream: [[AGREED, ...ANSWER]] },
  'agreed-to-in-chunks': {
    client: [{ head: `${UPGRADE}\r\n` }, 'met', 'heed'],
    upstream: [[{ head: AGREED.head.replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n') }]],
  },
  'refused-before-the-filters-have-seen-it': {
    client: [{ head: `${UPGRADE.replace('websocket', 'other')}\r\n` }, 'met', 'heed'],
    filters: [MARK],
  },
  'refused-to-who-has-ended': {
    client: [{ head: EXTENDED }, { say: 10 }, 'end', 'met'],
    times: 2,
    upstream: [[{ head: 'HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\n' }, { say: 2 }]],
  },
  'refused-to-a-call-of-grpc': {
    client: [{ head: [...CONNECT, ['content-type', 'application/grpc']] }, 'met', 'heed'],
  },
  'a-length-that-is-none': {
    client: [{ head: [...CONNECT, ['content-length', '5']] }, ...TALK],
    speaks: 'bytes',
    upstream: [ANSWER],
    route: ENDS_HERE,
  },
  'no-room-for-who-waits': {
    client: [{ head: CONNECT }, 'met', 'heed'],
    speaks: 'bytes',
    upstream: [ANSWER],
    route: ENDS_HERE,
    cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } },
  },
  'one-connection-whatever-the-limit': {
    client: [{ head: CONNECT }, ...TALK],
    speaks: 'bytes',
    upstream: [ANSWER],
    route: ENDS_HERE,
    cluster: { circuit_breakers: { thresholds: [{ max_connections: 0 }] } },
  },
  'longer-than-a-request-may-take': {
    client: [{ head: EXTENDED }, 'met', ...Array<'rest'>(6).fill('rest'), ...TALK],
    upstream: [[AGREED, ...ANSWER]],
    manager: { request_timeout: '0.25s' },
  },
  'broken-by-the-upstream': {
    client: [{ head: CONNECT }, 'met', { say: 10 }, 'heed'],
    speaks: 'bytes',
    upstream: [[{ hear: 10 }, 'reset']],
    route: ENDS_HERE,
  },
}

export function cases(): Trial[] {
  return Object.entries(CASES).map(([name, one]) => {
    const {
      client,
      times = 1,
      upstream = [[]],
      speaks = 'http1',
      filters = [],
      route = {},
      cluster = {},
      manager = {},
    } = one
    const [first] = client
    const head = typeof first === 'object' && 'head' in first ? first.head : ''
    const connect = typeof head !== 'string' && head.every(([name]) => name !== ':protocol')
    return {
      id: `tunnel-${name}`,
      listener: {},
      manager: {
        http2_protocol_options: { allow_connect: true },
        upgrade_configs: [{ upgrade_type: 'websocket' }],
        delayed_close_timeout: '0s',
        ...manager,
      },
      filters,
      route: { match: connect ? { connect_matcher: {} } : { prefix: '/' }, route },
      cluster,
      upstream: { speaks, extended: true, does: upstream },
      clients: Array.from({ length: times }, () => ({
        speaks: typeof head === 'string' ? 'http1' : 'http2',
        does: client,
      })),
    }
  })
}
