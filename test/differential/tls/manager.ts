/** The connection manager of a trial, which tells in its log and its upstream's headers what it knows of the connection. */
import type { Dice } from '../filters/dice.ts'
import { stringMatcher } from '../filters/matchers.ts'

type Json = Record<string, unknown>

const EXTENSIONS = 'type.googleapis.com/envoy.extensions'

const SESSION = ['TLS_VERSION', 'TLS_CIPHER']
const PEER = ['SUBJECT', 'URI_SAN', 'DNS_SAN', 'IP_SAN', 'CERT_V_START', 'CERT_V_END', 'CERT']
const OPERATORS = [
  ...['RESPONSE_CODE', 'RESPONSE_FLAGS', 'RESPONSE_CODE_DETAILS', 'REQUESTED_SERVER_NAME', 'PROTOCOL'],
  ...SESSION.flatMap((name) => [`DOWNSTREAM_${name}`, `UPSTREAM_${name}`]),
  ...PEER.flatMap((name) => [`DOWNSTREAM_PEER_${name}`, `UPSTREAM_PEER_${name}`]),
  ...['EMAIL_SAN', 'SERIAL', 'ISSUER', 'FINGERPRINT_256', 'FINGERPRINT_1'].map((name) => `DOWNSTREAM_PEER_${name}`),
  ...['SUBJECT', 'URI_SAN', 'DNS_SAN', 'IP_SAN', 'EMAIL_SAN'].map((name) => `DOWNSTREAM_LOCAL_${name}`),
  ...['URI_SAN', 'DNS_SAN', 'IP_SAN'].map((name) => `UPSTREAM_LOCAL_${name}`),
  ...['UPSTREAM_SERVER_NAME', 'UPSTREAM_TRANSPORT_FAILURE_REASON'],
]
const VALUES = Object.fromEntries(OPERATORS.map((name) => [name, operator(name)]))

function operator(name: string): string {
  return name.includes('CERT_V_') ? `%${name}(%s)%` : `%${name}%`
}

export function manager(dice: Dice, id: string): Json {
  const settings = {
    forward_client_cert_details: dice.pick(MODES),
    ...(dice.chance(0.7) ? { set_current_client_cert_details: details(dice) } : {}),
  }
  return managerOf(id, settings, dice.chance(0.3) ? [rbac(dice)] : [])
}

export function managerOf(id: string, settings: Readonly<Json>, filters: readonly Readonly<Json>[]): Json {
  return {
    name: 'http',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: id,
      ...settings,
      route_config: {
        virtual_hosts: [
          { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: '$cluster' } }] },
        ],
      },
      http_filters: [
        ...filters,
        { name: 'router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } },
      ],
      access_log: [LOG],
    },
  }
}

const LOG = {
  name: 'log',
  typed_config: {
    '@type': `${EXTENSIONS}.access_loggers.file.v3.FileAccessLog`,
    path: '$log',
    log_format: { json_format: { N: '%REQ(x-n)%', ...VALUES } },
  },
}

const MODES = ['SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY']

function details(dice: Dice): Json {
  const wanted = dice.some(['subject', 'cert', 'chain', 'dns', 'uri'], 0.4)
  return Object.fromEntries(wanted.map((name) => [name, dice.chance(0.9)]))
}

const PRINCIPALS = ['spiffe://td/client', 'spiffe://td/one', 'client.example', 'rsa.client.example', 'CN=bare']
/** Attributes with what they may be. */
const CONDITIONS: readonly (readonly [attribute: string, value: string | boolean])[] = [
  ['mtls', true],
  ['uri_san_peer_certificate', 'spiffe://td/client'],
  ['dns_san_peer_certificate', 'client.example'],
  ['subject_peer_certificate', ''],
  ['uri_san_local_certificate', 'spiffe://td/a'],
  ['dns_san_local_certificate', 'a.example'],
  ['subject_local_certificate', 'CN=dnsa.example'],
  ['tls_version', 'TLSv1.3'],
  ['requested_server_name', 'a.example'],
  ['sha256_peer_certificate_digest', ''],
]

/** Of CEL, as its compiler would write it. */
function condition(dice: Dice): Json {
  const [field, value] = dice.pick(CONDITIONS)
  const known = typeof value === 'boolean' ? { bool_value: value } : { string_value: value }
  const read = { select_expr: { operand: { ident_expr: { name: 'connection' } }, field } }
  return { call_expr: { function: dice.pick(['_==_', '_!=_']), args: [read, { const_expr: known }] } }
}

function rbac(dice: Dice): Json {
  const principal = dice.pick<() => Json>([
    () => ({ authenticated: {} }),
    () => ({ authenticated: { principal_name: stringMatcher(dice, PRINCIPALS) } }),
    () => ({ not_id: { authenticated: { principal_name: { exact: dice.pick(PRINCIPALS) } } } }),
    () => ({ any: true }),
  ])()
  const permission = dice.chance(0.3)
    ? { requested_server_name: stringMatcher(dice, ['a.example', 'b.example']) }
    : { any: true }
  const policy = {
    permissions: [permission],
    principals: [principal],
    ...(dice.chance(0.4) ? { condition: condition(dice) } : {}),
  }
  return {
    name: 'rbac',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.http.rbac.v3.RBAC`,
      rules: { action: dice.pick(['ALLOW', 'ALLOW', 'DENY']), policies: { p: policy } },
    },
  }
}
