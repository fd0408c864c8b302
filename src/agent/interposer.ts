/**
 * Stands between a proxy and its control plane and turns extensions with remote code into extensions with a local file.
 *
 * What traffic meets, by state of an extension:
 *
 * | state | FAIL_CLOSE, FAIL_RELOAD | FAIL_OPEN |
 * | --- | --- | --- |
 * | first fetch under way | the listener (or its new version) keeps warming: the port is not open yet, or the listener's former version serves on | the same for at most `openGraceMs` (1 s), then traffic passes without the extension |
 * | first fetch failed | denied (RBAC: 403, or a closed connection) | passes (RBAC without rules) |
 * | update under way | the last good module serves on | the same |
 * | update failed | the last good module serves on | the same |
 * | healed in the background | the new module, swapped in | the same |
 *
 * Warming is right for FAIL_CLOSE because a request that finds no open port, or that the former listener serves, is no worse off than
 * before the change; a 403 to running traffic for the seconds of a pull would be. It is bounded by the fetch's own deadline. A
 * FAIL_OPEN extension has no claim to hold a listener, so it gets a second, which spares cached modules the detour.
 *
 * Each extension travels to the proxy in a response of its own, so that neither a slow fetch nor a rejection touches another one.
 * One interposer serves one proxy: a new stream of it replaces the one before.
 */
import {
  type AdsAcceptor,
  type AdsServerStream,
  type AdsTransport,
  type DeltaAdsServerStream,
  type ExtensionReport,
  memoryTransport,
} from '../xds/index.ts'
import { DeltaSession } from './ads/delta-session.ts'
import { SotwSession } from './ads/sotw-session.ts'
import type { ModuleCache } from './cache/module-cache.ts'
import { LastGoodFiles } from './extension/last-good.ts'
import { Supply } from './extension/supply.ts'
import { ExtensionTable } from './extension/table.ts'
import type { Trial } from './trial/trial.ts'

/** What the interposer works with. */
export interface AdsInterposerOptions {
  /** Where the control plane is. */
  readonly upstream: AdsTransport
  readonly cache: ModuleCache
  /** Keeps what last ran well, for the next start. */
  readonly stateDir: string
  /** Starts modules aside before traffic; without it they go to the proxy as they were fetched. */
  readonly trial?: Trial
  /** The proxy is Sluice's own and reads limits and options of the Wasm host; they are kept from any other. */
  readonly hostSettings?: boolean
  readonly openGraceMs?: number
  readonly heal?: { readonly initialMs: number; readonly maxMs: number }
  readonly ackHoldMs?: number
}

export class AdsInterposer implements AdsAcceptor {
  /** What the proxy connects to. */
  readonly transport: AdsTransport = memoryTransport(this)
  readonly #options: AdsInterposerOptions
  readonly #table: ExtensionTable
  #session: { close(): void } | undefined

  constructor(options: AdsInterposerOptions) {
    this.#options = options
    const { cache, trial, stateDir, openGraceMs = 1000, heal = { initialMs: 1000, maxMs: 60_000 } } = options
    this.#table = new ExtensionTable({
      supply: new Supply(cache, trial, options.hostSettings),
      lastGood: new LastGoodFiles(stateDir, cache),
      metrics: cache.metrics,
      openGraceMs,
      heal,
    })
  }

  /** The state of each extension, as the control plane gets it. */
  reports(): ExtensionReport[] {
    return this.#table.reports()
  }

  /** Names of the extensions without which traffic is denied. */
  notReady(): string[] {
    return this.#table.notReady()
  }

  accept(stream: AdsServerStream): void {
    this.#replace(new SotwSession(stream, this.#options.upstream.connect(), this.#sessionOptions))
  }

  acceptDelta(stream: DeltaAdsServerStream): void {
    this.#replace(new DeltaSession(stream, this.#options.upstream.connectDelta(), this.#sessionOptions))
  }

  close(): void {
    this.#session?.close()
    this.#table.suspend()
  }

  #replace(session: SotwSession | DeltaSession): void {
    this.#session?.close()
    this.#session = session
    session.start()
  }

  get #sessionOptions() {
    const { cache, ackHoldMs = 2000 } = this.#options
    return { table: this.#table, metrics: cache.metrics, ackHoldMs }
  }
}
