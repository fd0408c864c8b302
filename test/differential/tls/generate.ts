/** Trials by seed: one that differs is made again alone by its own. */
import { Dice } from '../filters/dice.ts'
import { listenerFilter } from '../listeners/chains.ts'
import { commonContext, transportSocket } from './context.ts'
import { manager } from './manager.ts'
import type { Connection, Peer, Trial, Upstream, Version } from './trial.ts'

type Json = Record<string, unknown>

export function generate(count: number, seed: number): Trial[] {
  return Array.from({ length: count }, (_, i) => trial(seed * 10_000 + i))
}

const CLIENTS = [
  ...['client', 'client', 'client', 'client-rsa', 'client-wild', 'client-uris', 'client-bare', 'client-any'],
  ...['client-server', 'client-old', 'client-early', 'client-revoked', 'client-other', 'client-chained'],
  ...['client-unchained', 'client-deep', 'client-of-old', 'client-self'],
]
const SERVERS = ['a-ec', 'a-rsa', 'wild-ec', 'wild-rsa', 'b-ec', 'b-rsa', 'named-ec', 'p384-ec', 'old-ec', 'chained-ec']
const OTHER_SERVERS = ['other-ec', 'unchained-ec', 'client', 'client-self']
const HOSTS = ['a.example', 'b.example', 'c.example', 'x.a.example', 'x.example', 'A.Example', 'other.test']
const PROTOCOLS = ['h2', 'http/1.1', 'http/1.1', 'x']
const VERSIONS: readonly Version[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.2', 'TLSv1.3', 'TLSv1.3']

function trial(seed: number): Trial {
  const dice = new Dice(seed)
  return dice.chance(0.65) ? towardsClients(dice, `tls.${seed}`) : towardsServer(dice, `tls.${seed}`)
}

function towardsClients(dice: Dice, id: string): Trial {
  const chains = dice.chance(0.25) ? severalChains(dice, id) : [chain(dice, id, downstream(dice))]
  const matched = chains.length > 1 || dice.chance(0.2)
  return {
    id,
    chains,
    listenerFilters: matched ? [listenerFilter('tls_inspector')] : [],
    upstream: undefined,
    connections: dice.list(4, 6, () => connection(dice)),
  }
}

/** By what the ClientHello says. */
function severalChains(dice: Dice, id: string): Json[] {
  const matches: Json[] = [
    { server_names: [dice.pick(HOSTS).toLowerCase()] },
    { server_names: ['*.example'], application_protocols: ['h2'] },
    { transport_protocol: 'raw_buffer' },
  ]
  const chosen = dice.some(matches, 0.6)
  const made = chosen.map((match, i) => ({
    ...chain(dice, id, 'transport_protocol' in match ? undefined : downstream(dice)),
    name: `c${i}`,
    filter_chain_match: match,
  }))
  return [...made, { ...chain(dice, id, downstream(dice)), name: 'rest' }]
}

function chain(dice: Dice, id: string, context: Json | undefined): Json {
  return {
    filters: [manager(dice, id)],
    ...(context === undefined ? {} : { transport_socket: transportSocket('Downstream', context) }),
  }
}

function downstream(dice: Dice): Json {
  const shown = dice.chance(0.5) ? [dice.pick(SERVERS)] : dice.list(2, 4, () => dice.pick(SERVERS))
  return {
    common_tls_context: commonContext(dice, shown, CLIENTS),
    ...(dice.chance(0.4) ? { require_client_certificate: dice.chance(0.9) } : {}),
    ...(dice.chance(0.1) ? { disable_stateless_session_resumption: true } : {}),
    ...(dice.chance(0.1) ? { session_timeout: dice.pick(['1s', '3600s', '1.5s']) } : {}),
    ...(dice.chance(0.1) ? { full_scan_certs_on_sni_mismatch: dice.chance(0.8) } : {}),
    ...(dice.chance(0.02) ? { prefer_client_ciphers: dice.chance(0.8) } : {}),
    ...(dice.chance(0.02)
      ? { ocsp_staple_policy: dice.pick(['LENIENT_STAPLING', 'STRICT_STAPLING', 'MUST_STAPLE']) }
      : {}),
  }
}

function connection(dice: Dice): Connection {
  const host = dice.pick(HOSTS)
  const forwarded = dice.chance(0.4) ? { forwarded: dice.pick(['By=x;Hash=y', 'Hash=z,Hash=w', '']) } : {}
  if (dice.chance(0.03)) return { tls: undefined, host, ...forwarded }
  const certificate = dice.chance(0.2) ? undefined : dice.pick(CLIENTS)
  const serverName = dice.chance(0.85) ? dice.pick(HOSTS) : undefined
  return {
    tls: { ...peer(dice, certificate), ...(serverName === undefined ? {} : { serverName }) },
    host,
    ...forwarded,
  }
}

const OLD: ReadonlySet<Version | undefined> = new Set<Version>(['TLSv1', 'TLSv1.1'])
const OFFERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
  'AES128-GCM-SHA256:AES256-SHA',
  'ECDHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA',
  'DHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384',
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256',
]

function peer(dice: Dice, certificate: string | undefined): Peer {
  const bound = dice.chance(0.6) ? dice.pick(VERSIONS) : undefined
  return {
    ...(certificate === undefined ? {} : { certificate }),
    protocols: dice.chance(0.5) ? [] : dice.list(1, 3, () => dice.pick(PROTOCOLS)),
    ...(bound === undefined ? {} : dice.chance(0.6) ? { minVersion: bound, maxVersion: bound } : { maxVersion: bound }),
    // With none for its version a client would only say that it goes.
    ...(dice.chance(0.25) && !OLD.has(bound) ? { ciphers: dice.pick(OFFERS) } : {}),
    ...(dice.chance(0.15) ? { curves: dice.pick(['X25519', 'P-256', 'P-384', 'P-521', 'P-384:X25519']) } : {}),
    ...(dice.chance(0.1)
      ? { signatures: dice.pick(['rsa_pss_rsae_sha256:RSA+SHA256', 'ECDSA+SHA256:ECDSA+SHA384']) }
      : {}),
  }
}

function towardsServer(dice: Dice, id: string): Trial {
  const shown = dice.chance(0.75) ? dice.pick(SERVERS) : dice.pick(OTHER_SERVERS)
  const own = dice.chance(0.4) ? [dice.pick(CLIENTS)] : []
  const auto: Json = {
    ...(dice.chance(0.5) ? { auto_sni: true } : {}),
    ...(dice.chance(0.3) ? { auto_san_validation: true } : {}),
  }
  const http2 = dice.chance(0.3)
  const spoken = http2 && dice.chance(0.8) ? { protocols: dice.pick([['h2'], ['h2', 'http/1.1']]) } : {}
  const upstream: Upstream = {
    context: {
      common_tls_context: commonContext(dice, own, [...SERVERS, ...OTHER_SERVERS]),
      ...(dice.chance(0.7) ? { sni: dice.pick(HOSTS) } : {}),
      ...(dice.chance(0.1) ? { max_session_keys: dice.int(0, 2) } : {}),
      ...(dice.chance(0.02) ? { allow_renegotiation: true } : {}),
    },
    cluster: http2 || dice.chance(0.3) ? httpOptions(auto, http2) : {},
    server: { ...peer(dice, shown), asks: dice.chance(0.5), ...spoken },
    ...(http2 ? { http2 } : {}),
  }
  const connections = dice.list(2, 3, (): Connection => ({ tls: undefined, host: dice.pick([...HOSTS, '127.0.0.1']) }))
  return { id, chains: [chain(dice, id, undefined)], listenerFilters: [], upstream, connections }
}

/** More fields of a cluster. */
export function httpOptions(auto: Json, http2 = false): Json {
  const type = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  return {
    typed_extension_protocol_options: {
      [type]: {
        '@type': `type.googleapis.com/${type}`,
        upstream_http_protocol_options: auto,
        explicit_http_config: http2 ? { http2_protocol_options: {} } : { http_protocol_options: {} },
      },
    },
  }
}
