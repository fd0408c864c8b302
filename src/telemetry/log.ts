import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** JSON lines on stderr: stdout belongs to the commands' results. `SLUICE_LOG_LEVEL` sets the level; `info` unless told. */
const root = pino(
  { level: process.env['SLUICE_LOG_LEVEL'] ?? 'info', base: { pid: process.pid } },
  pino.destination({ dest: 2, sync: true }),
)

/** A logger for one part; scopes are named as in Istio and Envoy (`wasm`, `xds`, `ads`, `http`). */
export function logger(scope: string): Logger {
  return root.child({ scope })
}
