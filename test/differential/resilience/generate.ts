import type { Case, ClusterSettings } from '../../parity/case.ts'
import { Dice } from '../filters/dice.ts'
import { atOnce } from './at-once.ts'
import { base, manager } from './base.ts'
import { breakers, type Config, hedges, may, outliers, retryPolicy, times } from './policy.ts'
import { BUFFER, request } from './requests.ts'
import { answers } from './upstreams.ts'

/** Where the loopback is inside. */
const TRUSTED = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
}

/** Those of one seed; each is made again by its own. */
export function generate(count: number, seed: number): Case[] {
  return Array.from({ length: count }, (_, i) => trial(seed * 10_000 + i))
}

function trial(seed: number): Case {
  const dice = new Dice(seed)
  const id = `resilience.${seed}`
  return dice.chance(0.25) ? atOnce(dice, id) : oneByOne(dice, id)
}

function oneByOne(dice: Dice, id: string): Case {
  const http2 = dice.chance(0.3)
  const grpc = dice.chance(http2 ? 0.5 : 0.2)
  const mirrors = dice.chance(0.12)
  const calm = dice.chance(0.2)
  return {
    ...base(id),
    hcm: {
      ...manager(id),
      ...may(dice, calm ? 0 : 0.6, () => TRUSTED),
      ...may(dice, 0.1, () => ({ stream_idle_timeout: '0.7s' })),
      ...may(dice, 0.05, () => ({ common_http_protocol_options: { max_stream_duration: '0.6s' } })),
    },
    virtual_hosts: [virtualHost(dice, mirrors, calm)],
    clusters: {
      up: upstreams(dice, grpc, calm),
      ...(mirrors ? { shadow: shadow(dice, grpc, calm) } : {}),
    },
    steps: dice.list(1, 3, () => ({ send: request(dice, grpc, http2), expect: {} })),
  }
}

/** `calm`: nothing is tried again. */
function virtualHost(dice: Dice, mirrors: boolean, calm: boolean): Config {
  const retries = calm ? 'none' : dice.pick(['route', 'route', 'route', 'route', 'host', 'both', 'none'])
  const route = {
    match: { prefix: '/' },
    route: {
      cluster: '$up',
      ...times(dice),
      ...(retries === 'route' || retries === 'both' ? { retry_policy: retryPolicy(dice) } : {}),
      ...hedges(dice),
      ...may(dice, 0.15, () => ({ priority: 'HIGH' })),
      ...(mirrors ? { request_mirror_policies: [{ cluster: '$shadow' }] } : {}),
    },
    ...may(dice, 0.25, () => ({ per_request_buffer_limit_bytes: BUFFER })),
  }
  return {
    name: 'all',
    domains: ['*'],
    routes: [route],
    ...(retries === 'host' || retries === 'both' ? { retry_policy: retryPolicy(dice) } : {}),
    ...may(dice, 0.1, () => hedges(dice)),
    ...may(dice, 0.4, () => ({ include_request_attempt_count: true })),
    ...may(dice, 0.4, () => ({ include_attempt_count_in_response: true })),
    ...may(dice, 0.1, () => ({ per_request_buffer_limit_bytes: BUFFER })),
  }
}

function upstreams(dice: Dice, grpc: boolean, calm: boolean): ClusterSettings {
  const http2 = dice.chance(0.35)
  const judged = outliers(dice, calm)
  // Where the hosts change, Envoy may begin its turns anywhere.
  const alone = judged['outlier_detection'] !== undefined && !calm
  return {
    in_turn: true,
    ...(http2 ? { http2 } : {}),
    ...(dice.chance(0.06)
      ? { down: true }
      : { ...(alone ? { hosts: 1 } : hosts(dice, calm)), answers: answers(dice, http2, grpc) }),
    ...breakers(dice),
    ...judged,
  }
}

/** Alike, or one to go to when the other one is given up. */
function hosts(dice: Dice, calm: boolean): ClusterSettings {
  if (!calm || dice.chance(0.5)) return { hosts: dice.pick([1, 1, 2, 2, 3]) }
  return { hosts: 2, groups: [{ size: 1 }, { size: 1, priority: 1 }] }
}

/** What it does must not depend on how long it takes: nobody waits for it. */
function shadow(dice: Dice, grpc: boolean, calm: boolean): ClusterSettings {
  const settings = upstreams(dice, grpc, calm)
  const answers = settings.answers?.map(({ delayMs: _, pauseMs: __, ...rest }) => rest)
  return { ...settings, aside: true, ...(answers === undefined ? {} : { hosts: 1, groups: undefined, answers }) }
}
