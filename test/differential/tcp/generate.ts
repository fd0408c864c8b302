/** Listeners of `tcp_proxy` by seed: one that differs is made again alone by its own. */
import { Dice } from '../filters/dice.ts'
import { networkFilter } from './filter.ts'
import type { Script, TcpCluster, Trial } from './trial.ts'

type Json = Record<string, unknown>

export function generate(count: number, seed: number): Trial[] {
  return Array.from({ length: count }, (_, i) => trial(seed * 10_000 + i))
}

function trial(seed: number): Trial {
  const dice = new Dice(seed)
  const clusters = dice.list(1, 2, (i) => cluster(dice, `c${i}`))
  const filters = [
    ...(dice.chance(0.25) ? [rbac(dice)] : []),
    ...(dice.chance(0.2) ? [rateLimit(dice)] : []),
    proxy(dice, clusters),
  ]
  // Who says something before it is known that the connection is closed, may see either end of it.
  const clients = dice.list(1, 3, (): Script => ['rest', ...client(dice)])
  return { id: `tcp.${seed}`, filters, clusters, clients }
}

/** Next to this one any other is never chosen. */
const ALL = 4_000_000_000
const WEIGHTS = [
  [ALL, 1],
  [1, ALL],
  [0, 1],
]

function proxy(dice: Dice, clusters: readonly TcpCluster[]): Json {
  const names = dice.chance(0.08) ? ['none'] : clusters.map(({ name }) => `$id-${name}`)
  const weights = names.length === 1 ? [dice.int(1, 9)] : dice.pick(WEIGHTS)
  const weighted = {
    weighted_clusters: { clusters: names.map((name, i) => ({ name, weight: weights[i], ...metadata(dice) })) },
  }
  return networkFilter('tcp_proxy.v3.TcpProxy', {
    ...(dice.chance(0.25) ? weighted : { cluster: names[0] }),
    ...metadata(dice),
    ...(dice.chance(0.4) ? { max_connect_attempts: dice.int(1, 3) } : {}),
    ...(dice.chance(0.3) ? { idle_timeout: '0.3s' } : {}),
    ...(dice.chance(0.15) ? { max_downstream_connection_duration: '0.4s' } : {}),
    ...(dice.chance(0.1) ? { hash_policy: [{ source_ip: {} }] } : {}),
  })
}

function metadata(dice: Dice): Json {
  if (dice.chance(0.7)) return {}
  return { metadata_match: { filter_metadata: { 'envoy.lb': { stage: dice.pick(['a', 'b']) } } } }
}

function cluster(dice: Dice, name: string): TcpCluster {
  const settings: Json = {
    connect_timeout: '0.5s',
    ...(dice.chance(0.1) ? { circuit_breakers: { thresholds: [{ max_connections: 0 }] } } : {}),
    ...(dice.chance(0.25)
      ? {
          lb_subset_config: {
            fallback_policy: dice.pick(['NO_FALLBACK', 'ANY_ENDPOINT', 'DEFAULT_SUBSET']),
            default_subset: { stage: 'a' },
            subset_selectors: [{ keys: ['stage'] }],
          },
        }
      : {}),
  }
  return { name, does: dice.chance(0.15) ? 'down' : upstream(dice), settings }
}

function rbac(dice: Dice): Json {
  const rules = () => ({
    action: dice.pick(['ALLOW', 'DENY']),
    policies: {
      p: {
        permissions: [
          dice.pick<Json>([{ any: true }, { destination_ip: { address_prefix: '127.0.0.0', prefix_len: 8 } }]),
        ],
        principals: [
          dice.pick<Json>([
            { any: true },
            { direct_remote_ip: { address_prefix: '127.0.0.1', prefix_len: 32 } },
            { source_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } },
          ]),
        ],
      },
    },
  })
  return networkFilter('rbac.v3.RBAC', {
    stat_prefix: '$id.',
    ...(dice.chance(0.9) ? { rules: rules() } : {}),
    ...(dice.chance(0.3) ? { shadow_rules: rules() } : {}),
  })
}

function rateLimit(dice: Dice): Json {
  const bucket = { max_tokens: dice.int(1, 2), fill_interval: '3600s' }
  return networkFilter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: '$id', token_bucket: bucket })
}

const SIZES = [1, 10, 3000]

function client(dice: Dice): Script {
  const say = { say: dice.pick(SIZES) }
  return dice.pick<() => Script>([
    () => [say, 'end'],
    () => [say, { hear: 1 }, 'end', 'heed'],
    () => [say, { hear: 1 }, 'rest', { say: 5 }, 'end'],
    () => [say, { hear: 1 }, 'reset'],
    () => [say, 'heed', 'end'],
    () => [say, 'heed', { say: 7 }, 'end'],
    () => [say, 'heed', 'rest', 'reset'],
    () => [{ hear: 1 }, 'end'],
    () => ['heed', 'end'],
    () => ['end'],
    () => [say],
  ])()
}

function upstream(dice: Dice): Script {
  const say = { say: dice.pick(SIZES) }
  return dice.pick<() => Script>([
    () => [{ hear: 1 }, say, 'heed', 'end'],
    () => [{ hear: 1 }, say, 'end', 'heed'],
    () => [{ hear: 1 }, say, 'rest', 'reset'],
    () => [say, 'end'],
    () => [say, 'heed', { say: 9 }, 'end'],
    () => ['heed', say, 'end'],
    () => [{ hear: 1 }, 'reset'],
    () => ['end', 'heed'],
    () => [say],
    () => [{ hear: 1 }],
  ])()
}
