/** Listeners and connections by seed: one that differs is made again alone by its own. */
import { Dice } from '../filters/dice.ts'
import { CRITERIA, chain, chainMatch, listenerFilter, overlap } from './chains.ts'
import { chainMatcher } from './matcher.ts'
import { proxyHeader } from './proxy-header.ts'
import type { Connection, Trial } from './trial.ts'
import { LOOPBACK, NAMES, OWN_PORT, PROTOCOLS } from './words.ts'

const MOST_CHAINS = 6
/** One for each chain. */
export const CLUSTERS = ['default', ...Array.from({ length: MOST_CHAINS }, (_, i) => `c${i}`)]

export function generate(count: number, seed: number): Trial[] {
  return Array.from({ length: count }, (_, i) => trial(seed * 10_000 + i))
}

function trial(seed: number): Trial {
  const dice = new Dice(seed)
  const criteria = dice.some(CRITERIA, 0.4)
  const count = dice.int(0, MOST_CHAINS)
  const chains: Record<string, unknown>[] = []
  const mayOverlap = dice.chance(0.05)
  for (let i = 0; i < count; i++) {
    const match = dice.chance(0.1) ? undefined : chainMatch(dice, criteria)
    const met = chains.some((one) => overlap(one['filter_chain_match'] as Record<string, unknown>, match))
    if (!met || mayOverlap) chains.push(chain(`c${dice.chance(0.01) ? 0 : i}`, match, `c${i}`))
  }
  const names = [...chains.map(({ name }) => String(name)), 'none']
  const proxied = dice.chance(0.6)
  const place = dice.chance(0.15) ? dice.pick(PLACES_6) : undefined
  const listener = {
    ...(place === undefined ? {} : { address: { socket_address: { ...place.address, port_value: OWN_PORT } } }),
    listener_filters: [
      ...(proxied ? [listenerFilter('proxy_protocol', proxySettings(dice))] : []),
      ...(dice.chance(0.4) ? [listenerFilter('tls_inspector')] : []),
      ...(dice.chance(0.4) ? [listenerFilter('http_inspector')] : []),
    ],
    listener_filters_timeout: '1.5s',
    ...(dice.chance(0.2) ? { continue_on_listener_filters_timeout: true } : {}),
    filter_chains: chains,
    ...(dice.chance(0.5) || chains.length === 0 ? { default_filter_chain: chain('default', undefined) } : {}),
    ...(dice.chance(0.4) ? { filter_chain_matcher: chainMatcher(dice, names) } : {}),
  }
  const connections = Array.from({ length: 8 }, (_, i) =>
    connection(dice, proxied, i === 0, place?.reached ?? LOOPBACK),
  )
  return { id: `listener.${seed}`, listener, connections }
}

/** By which addresses a listener is reached that is not open at all of IPv4. */
const PLACES_6 = [
  { address: { address: '::1' }, reached: ['::1'] },
  { address: { address: '::' }, reached: ['::1'] },
  { address: { address: '::', ipv4_compat: true }, reached: ['::1', ...LOOPBACK] },
]

function proxySettings(dice: Dice): Record<string, unknown> {
  return {
    ...(dice.chance(0.3) ? { allow_requests_without_proxy_protocol: true } : {}),
    ...(dice.chance(0.2) ? { disallowed_versions: dice.some(['V1', 'V2']) } : {}),
  }
}

function connection(dice: Dice, proxied: boolean, first: boolean, reached: readonly string[]): Connection {
  const to = dice.pick(reached)
  return {
    from: to.includes(':') ? to : dice.pick(LOOPBACK),
    to,
    ...(first && dice.chance(0.5) ? { bound: true } : {}),
    ...(proxied && dice.chance(0.9) ? { proxy: proxyHeader(dice) } : {}),
    says: dice.chance(0.5)
      ? {
          ...(dice.chance(0.8) ? { serverName: dice.pick([...NAMES, 'A.EXAMPLE', 'x']) } : {}),
          protocols: dice.chance(0.4) ? [] : dice.list(1, 3, () => dice.pick(PROTOCOLS)),
        }
      : {
          text: dice.pick([
            'GET / HTTP/1.1\r\n\r\n',
            'GET / HTTP/1.0\r\n\r\n',
            'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
            'hello\r\n',
            'PUT /\r\n',
            'GETS / HTTP/1.1\r\n\r\n',
            'POST /a HTTP/1.1\n\n',
            'get / HTTP/1.1\r\n\r\n',
            'G@T / HTTP/1.1\r\n\r\n',
            'GET  / HTTP/1.1\r\n\r\n',
            ' GET / HTTP/1.1\r\n\r\n',
            '\r\nGET / HTTP/1.1\r\n\r\n',
            'GET / HTTP/2.0\r\n\r\n',
            'GET / HTTP/1.1 \r\n\r\n',
            'GET HTTP/1.1\r\n\r\n',
            'GET\r\n',
            'GET',
            'PRI * HTTP/2.0\r\n',
            'PRI * HTTP/1.1\r\n\r\n',
            '\x16\x02\x01',
            '',
          ]),
        },
    ...(dice.chance(0.1) ? { cut: dice.int(1, 30) } : {}),
  }
}
