/** Calls of gRPC, and what is counted of them. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import { answer, filter, frames, inPieces, PATHS, ROUTES, TRAILERS } from './grpc.ts'

type Generated = Omit<Case, 'id' | 'what'>

function statsFilter(dice: Dice): unknown {
  return filter('grpc_stats', {
    '@type': '~extensions.filters.http.grpc_stats.v3.FilterConfig',
    ...dice.pick<Record<string, unknown>>([
      {},
      { stats_for_all_methods: true },
      { stats_for_all_methods: false },
      { individual_method_stats_allowlist: { services: [{ name: 's.S', method_names: ['m', 'n'] }] } },
      {
        individual_method_stats_allowlist: {
          services: [
            { name: 't', method_names: ['m'] },
            { name: 's.S', method_names: ['m'] },
          ],
        },
      },
    ]),
    ...(dice.chance(0.3) ? { emit_filter_state: true } : {}),
  })
}

export function grpcStatsCase(dice: Dice): Generated {
  const own = `grpcstats${dice.int(0, 1e9)}`
  return {
    log: '%RESPONSE_CODE% %GRPC_STATUS% %FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%',
    hcm: { http_protocol_options: { enable_trailers: true } },
    clusters: {
      up: { typed_extension_protocol_options: TRAILERS, alt_stat_name: own },
      down: { down: true, alt_stat_name: `${own}-down` },
    },
    stats: { [`cluster.${own}.grpc`]: {}, [`cluster.${own}-down.grpc`]: {} },
    routes: ROUTES,
    filters: [statsFilter(dice)],
    upstream: dice.list(1, 3, () =>
      answer(dice, dice.pick(['application/grpc', 'application/grpc', 'application/grpc+proto', 'text/plain'])),
    ),
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: 'POST',
          path: dice.pick(PATHS),
          headers: {
            'content-type': dice.pick([
              'application/grpc',
              'application/grpc',
              'application/grpc+proto',
              'application/grpcx',
              'text/plain',
            ]),
          },
          ...inPieces(dice, frames(dice)),
        },
        expect: {},
      }),
    ),
  }
}
