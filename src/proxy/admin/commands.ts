/** Admin paths that change what the proxy does; all want POST, as in Envoy. */
import type { WorkerPool } from '../main/worker-pool.ts'
import type { StatsStore } from '../stats/store.ts'

/** What the main thread knows of its own health, for `/ready`. */
export interface ProxyState {
  healthFailed: boolean
}

export type Command = (query: URLSearchParams) => Promise<void>

/** The commands by their paths. */
export function commands(
  workers: WorkerPool,
  state: ProxyState,
  stats: StatsStore,
  drainMs: number,
  quit: () => void,
): ReadonlyMap<string, Command> {
  const health = async (failed: boolean) => {
    state.healthFailed = failed
    await workers.command({ kind: 'health', failed })
  }
  return new Map<string, Command>([
    ['/healthcheck/fail', () => health(true)],
    ['/healthcheck/ok', () => health(false)],
    ['/reopen_logs', () => workers.command({ kind: 'reopen-logs' })],
    [
      '/reset_counters',
      () => {
        stats.resetCounters()
        return workers.command({ kind: 'reset-counters' })
      },
    ],
    [
      '/drain_listeners',
      (query) => {
        // Listeners stop accepting at once; `graceful` leaves requests under way the drain time.
        const wait = query.has('graceful') ? drainMs : 0
        return workers.command({ kind: 'drain-listeners', drainMs: wait, inboundOnly: query.has('inboundonly') })
      },
    ],
    [
      '/quitquitquit',
      async () => {
        // After the answer has gone out.
        setImmediate(quit)
      },
    ],
  ])
}
