/** Trials that stand for what has to stay: each was another one than Envoy's. */
import { certificate, inline, transportSocket } from './context.ts'
import { httpOptions } from './generate.ts'
import { managerOf } from './manager.ts'
import type { Connection, Trial } from './trial.ts'

type Json = Readonly<Record<string, unknown>>

const CLIENTS = ['client', 'client-uris', 'client-bare', 'client-rsa', 'client-chained', 'client-other', 'client-wild']

interface Case {
  readonly validation: Json
  readonly context?: Json
  readonly manager?: Json
  readonly filters?: readonly Json[]
}

const named = (exact: string) => ({ authenticated: { principal_name: { exact } } })
const rbac = (principal: Json, action = 'ALLOW'): Json => ({
  name: 'rbac',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
    rules: { action, policies: { p: { permissions: [{ any: true }], principals: [principal] } } },
  },
})
const FIRST: Json = { trusted_ca: inline('@first.cert') }

const CASES: Readonly<Record<string, Case>> = {
  'names-want-a-certificate': {
    validation: {
      ...FIRST,
      match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'client.example' } }],
    },
  },
  'hashes-want-a-certificate': { validation: { ...FIRST, verify_certificate_hash: ['@client.hash'] } },
  'keys-alone': {
    validation: { verify_certificate_spki: ['@client-rsa.spki'] },
    manager: { forward_client_cert_details: 'SANITIZE_SET' },
  },
  'not-a-root': { validation: { trusted_ca: inline('@middle.cert') } },
  'lists-of-two': { validation: { ...FIRST, crl: inline('@revoked.crl+middle.crl') } },
  'no-list-of-the-other': { validation: { ...FIRST, crl: inline('@revoked.crl') } },
  'principal-is-any-name': { validation: FIRST, filters: [rbac({ not_id: named('client.example') })] },
  'principal-is-the-subject': { validation: FIRST, filters: [rbac({ not_id: named('CN=dnsrsa.client.example') })] },
  'nobody-has-an-empty-name': {
    validation: FIRST,
    filters: [rbac({ authenticated: { principal_name: { safe_regex: { regex: '.*' } } } }, 'DENY')],
  },
  'everybody-who-was-let-in': { validation: FIRST, filters: [rbac({ authenticated: {} })] },
  'all-details': {
    validation: FIRST,
    manager: {
      forward_client_cert_details: 'APPEND_FORWARD',
      set_current_client_cert_details: { subject: true, cert: true, chain: true, dns: true, uri: true },
    },
  },
}

/** The name of each request is to be in the server's certificate, for which nobody vouches. */
function nameAlone(): Trial {
  const id = 'tls.100'
  return {
    id,
    chains: [{ filters: [managerOf(id, {}, [])] }],
    listenerFilters: [],
    upstream: {
      context: { common_tls_context: {} },
      cluster: httpOptions({ auto_sni: true, auto_san_validation: true }),
      server: { certificate: 'a-ec', protocols: [], asks: false },
    },
    connections: ['a.example', 'b.example'].map((host) => ({ tls: undefined, host })),
  }
}

/** Whose certificate is another one is told as that, whatever it speaks. */
function anotherServer(): Trial {
  const validation = { verify_certificate_hash: ['@b-ec.hash'] }
  const server = { certificate: 'wild-ec', protocols: ['h2', 'http/1.1'], asks: false }
  return {
    ...nameAlone(),
    id: 'tls.101',
    upstream: {
      context: { common_tls_context: { validation_context: validation, alpn_protocols: ['http/1.1'] } },
      cluster: httpOptions({}, true),
      server,
      http2: true,
    },
  }
}

export function cases(): Trial[] {
  return [nameAlone(), anotherServer(), ...towardsClients()]
}

function towardsClients(): Trial[] {
  return Object.entries(CASES).map(([name, one], i) => {
    const { validation, context = {}, manager = {}, filters = [] } = one
    const common = { tls_certificates: [certificate('a-ec'), certificate('b-ec')], validation_context: validation }
    const id = `tls.${i + 1}`
    const socket = transportSocket('Downstream', { common_tls_context: common, ...context })
    const visitors = [undefined, ...CLIENTS].map((shown, n): Connection => {
      const tls = { protocols: [], serverName: 'b.example', ...(shown === undefined ? {} : { certificate: shown }) }
      return { tls, host: name, ...(n % 3 === 0 ? {} : { forwarded: n % 3 === 1 ? '' : 'Hash=z' }) }
    })
    return {
      id,
      chains: [{ filters: [managerOf(id, manager, filters)], transport_socket: socket }],
      listenerFilters: [],
      upstream: undefined,
      connections: visitors,
    }
  })
}
