/** Listeners and connections by seed: one that differs is made again alone by its own. */
import { Dice } from '../filters/dice.ts'
import { CRITERIA, chain, chainMatch, listenerFilter, overlap } from './chains.ts'
import { chainMatcher } from './matcher.ts'
import type { Connection, Trial } from './trial.ts'
import { LOOPBACK, NAMES, PROTOCOLS, TOLD, TOLD_6, TOLD_PORTS } from './words.ts'

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
  const listener = {
    listener_filters: [
      ...(proxied ? [listenerFilter('proxy_protocol')] : []),
      ...(dice.chance(0.4) ? [listenerFilter('tls_inspector')] : []),
      ...(dice.chance(0.4) ? [listenerFilter('http_inspector')] : []),
    ],
    listener_filters_timeout: '1.5s',
    ...(dice.chance(0.2) ? { continue_on_listener_filters_timeout: true } : {}),
    filter_chains: chains,
    ...(dice.chance(0.5) || chains.length === 0 ? { default_filter_chain: chain('default', undefined) } : {}),
    ...(dice.chance(0.4) ? { filter_chain_matcher: chainMatcher(dice, names) } : {}),
  }
  const connections = Array.from({ length: 8 }, (_, i) => connection(dice, proxied, i === 0))
  return { id: `listener.${seed}`, listener, connections }
}

function connection(dice: Dice, proxied: boolean, first: boolean): Connection {
  return {
    from: dice.pick(LOOPBACK),
    to: dice.pick(LOOPBACK),
    ...(first && dice.chance(0.5) ? { bound: true } : {}),
    ...(proxied ? { proxy: proxyHeader(dice) } : {}),
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

function proxyHeader(dice: Dice): string {
  if (dice.chance(0.05)) return dice.pick(['PROXY UNKNOWN\r\n', 'PROXY TCP4 x y 1 2\r\n'])
  const family = dice.chance(0.25) ? { name: 'TCP6', told: TOLD_6 } : { name: 'TCP4', told: TOLD }
  const [from, to] = [dice.pick(family.told), dice.chance(0.2) ? undefined : dice.pick(family.told)]
  return `PROXY ${family.name} ${from} ${to ?? from} ${dice.pick(TOLD_PORTS)} ${dice.pick(TOLD_PORTS)}\r\n`
}
