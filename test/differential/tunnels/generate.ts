/** Tunnels by seed: one that differs is made again alone by its own. */
import { Dice } from '../filters/dice.ts'
import { filters } from './filters.ts'
import { answer, clientTail, request, upstreamTail } from './scripts.ts'
import { clusterSettings, listenerSettings, managerSettings, routeSettings } from './settings.ts'
import type { Client, Script, Trial, TunnelUpstream } from './trial.ts'

export function generate(count: number, seed: number): Trial[] {
  return Array.from({ length: count }, (_, i) => trial(seed * 10_000 + i))
}

/** What a trial is about, which its parts mostly keep to. */
export interface Plan {
  readonly kind: 'upgrade' | 'connect'
  readonly token: string
  readonly downstream: 'http1' | 'http2'
  readonly upstream: TunnelUpstream['speaks']
  /** The connection manager or the route allows it. */
  readonly allowed: boolean
  /** CONNECT ends at the proxy. */
  readonly ends: boolean
  readonly retries: boolean
}

/** `:protocol` is one token. */
const TOKENS = { http1: ['foo', 'WebSocket', 'websocket, foo'], http2: ['foo', 'WebSocket'] }

function trial(seed: number): Trial {
  const dice = new Dice(seed)
  const kind = dice.pick(['upgrade', 'upgrade', 'connect'] as const)
  const downstream = dice.pick(['http1', 'http2'] as const)
  const ends = kind === 'connect' && dice.chance(0.5)
  const plan: Plan = {
    kind,
    token: dice.chance(0.75) ? 'websocket' : dice.pick(TOKENS[downstream]),
    downstream,
    upstream: dice.chance(0.05) ? 'none' : ends && dice.chance(0.9) ? 'bytes' : dice.pick(['http1', 'http2'] as const),
    allowed: dice.chance(0.92),
    ends,
    retries: dice.chance(0.2),
  }
  return {
    id: `tunnel-${seed}`,
    listener: listenerSettings(dice),
    manager: managerSettings(dice, plan),
    filters: dice.chance(0.35) ? filters(dice) : [],
    route: routeSettings(dice, plan),
    cluster: clusterSettings(dice, plan),
    upstream: {
      speaks: plan.upstream,
      extended: dice.chance(0.9),
      does: dice.list(1, plan.retries ? 3 : 1, () => upstream(dice, plan)),
    },
    clients: dice.list(1, plan.retries ? 1 : 2, () => client(dice, plan)),
  }
}

function client(dice: Dice, plan: Plan): Client {
  // Who says something before it is known that the connection is closed, may see either end of it.
  return { speaks: plan.downstream, does: ['rest', ...request(dice, plan), ...clientTail(dice, plan)] }
}

function upstream(dice: Dice, plan: Plan): Script {
  return plan.upstream === 'bytes' ? upstreamTail(dice) : [...answer(dice, plan), ...upstreamTail(dice)]
}
