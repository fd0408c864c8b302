/** Settings of listeners, connection managers, routes and clusters that tunnels meet. */
import type { Dice } from '../filters/dice.ts'
import { filters, ROUTER } from './filters.ts'
import type { Plan } from './generate.ts'
import type { Json, Trial } from './trial.ts'

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

function may(dice: Dice, share: number, make: () => Json): Json {
  return dice.chance(share) ? make() : {}
}

export function listenerSettings(dice: Dice): Json {
  return may(dice, 0.25, () => ({ per_connection_buffer_limit_bytes: dice.pick([1, 1000, 20_000]) }))
}

export function managerSettings(dice: Dice, plan: Plan): Json {
  const type = typeOf(plan)
  const configs: Json[] = [
    ...(plan.allowed && dice.chance(0.85)
      ? [
          {
            upgrade_type: type,
            ...may(dice, 0.1, () => ({ enabled: true })),
            ...may(dice, 0.15, () => ({ filters: [...filters(dice), ROUTER] })),
          },
        ]
      : []),
    ...dice.some<Json>([{ upgrade_type: 'bar' }, { upgrade_type: 'baz', enabled: false }], 0.1),
    ...(plan.allowed ? [] : dice.some<Json>([{ upgrade_type: type, enabled: false }])),
    ...dice.some<Json>([{ upgrade_type: type.toUpperCase() }], 0.02),
  ]
  return {
    http2_protocol_options: { allow_connect: true },
    ...(configs.length > 0 ? { upgrade_configs: configs } : {}),
    // Else Envoy tells a client a second later that its answer was cut short.
    delayed_close_timeout: '0s',
    ...may(dice, 0.12, () => ({ stream_idle_timeout: '0.3s' })),
    ...may(dice, 0.06, () => ({ request_timeout: '0.45s' })),
    ...may(dice, 0.15, () => ({
      common_http_protocol_options: dice.pick<Json>([
        { max_stream_duration: '0.55s' },
        { max_connection_duration: '0.3s' },
        { idle_timeout: '0.3s' },
        { max_requests_per_connection: 1 },
      ]),
      drain_timeout: '0.1s',
    })),
    ...may(dice, 0.1, () => ({ via: 'gate' })),
    ...may(dice, 0.1, () => ({ server_header_transformation: 'PASS_THROUGH' })),
  }
}

export function routeSettings(dice: Dice, plan: Plan): Trial['route'] {
  const match = plan.kind === 'connect' && dice.chance(0.95) ? { connect_matcher: {} } : { prefix: '/' }
  const type = typeOf(plan)
  const own = plan.ends
    ? [{ upgrade_type: 'CONNECT', connect_config: {} }]
    : plan.allowed
      ? dice.some<Json>([{ upgrade_type: type, enabled: dice.chance(0.85) }], 0.3)
      : []
  return {
    match,
    route: {
      ...(own.length > 0 ? { upgrade_configs: own } : {}),
      ...may(dice, 0.2, () => ({ timeout: dice.pick(['0.3s', '0s']) })),
      ...may(dice, 0.1, () => ({ idle_timeout: '0.3s' })),
      ...may(dice, 0.1, () => ({
        max_stream_duration: { max_stream_duration: dice.pick(['0.55s', '0s']) },
      })),
      ...(plan.retries
        ? {
            retry_policy: {
              retry_on: dice.pick([
                '5xx',
                'connect-failure,reset',
                'gateway-error',
                '5xx,retriable-4xx',
                'refused-stream',
              ]),
              num_retries: dice.int(1, 3),
              retry_back_off: { base_interval: '0.01s', max_interval: '0.02s' },
              ...may(dice, 0.3, () => ({ per_try_timeout: '0.2s' })),
              ...may(dice, 0.15, () => ({ per_try_idle_timeout: '0.2s' })),
            },
          }
        : {}),
    },
  }
}

export function clusterSettings(dice: Dice, { upstream }: Plan): Json {
  const common = may(dice, 0.12, () => ({
    common_http_protocol_options: dice.pick<Json>([{ max_requests_per_connection: 1 }, { idle_timeout: '0.2s' }]),
  }))
  const explicit =
    upstream === 'http2'
      ? { http2_protocol_options: may(dice, 0.9, () => ({ allow_connect: true })) }
      : { http_protocol_options: {} }
  return {
    ...may(dice, 0.15, () => ({ per_connection_buffer_limit_bytes: dice.pick([1, 1000]) })),
    ...may(dice, 0.08, () => ({
      circuit_breakers: {
        thresholds: [dice.pick<Json>([{ max_connections: 0 }, { max_requests: 0 }, { max_pending_requests: 0 }])],
      },
    })),
    typed_extension_protocol_options: {
      [OPTIONS]: { '@type': `type.googleapis.com/${OPTIONS}`, explicit_http_config: explicit, ...common },
    },
  }
}

function typeOf({ kind, token }: Plan): string {
  return kind === 'connect' ? 'CONNECT' : token
}
