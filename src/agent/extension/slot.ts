import type { Any } from '@bufbuild/protobuf/wkt'
import { Backoff } from '../../base/backoff.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import { SupplyError } from '../../oci/index.ts'
import { logger } from '../../telemetry/log.ts'
import type { ExtensionReport } from '../../xds/index.ts'
import { fingerprintOf } from '../cache/request.ts'
import type { SupplyMetrics } from '../metrics.ts'
import type { Extension, WasmExtension } from './decode.ts'
import { encodeFallback, fallbackOf } from './encode.ts'
import type { LastGood, LastGoodFiles } from './last-good.ts'
import type { Supplied, Supply } from './supply.ts'

/** What the proxy has, or shall have. */
export interface Content {
  readonly resource: Any
  readonly kind: 'passed' | 'module' | 'fallback' | 'last-good'
  readonly module?: Supplied | LastGood
}

/** What a slot needs of its surroundings. */
export interface SlotContext {
  readonly supply: Supply
  readonly lastGood: LastGoodFiles
  readonly metrics: SupplyMetrics
  /** How long a FAIL_OPEN extension may hold its listener before traffic passes without it. */
  readonly openGraceMs: number
  /** Pauses between tries in the background. */
  readonly heal: { readonly initialMs: number; readonly maxMs: number }
  /** The content changed: send it. */
  deliver(slot: ExtensionSlot): void
  /** The outcome of the newest config is with the proxy, or there is nothing to send. */
  settled(slot: ExtensionSlot): void
  /** The report changed. */
  changed(): void
}

const log = logger('wasm')
const QUIET_MS = 20

/**
 * One extension by name: the newest config that the control plane sent, and the content that the proxy gets for it.
 *
 * A config that is replaced while its module is fetched is forgotten with its outcome, so an older fetch that ends later never
 * overtakes a newer one.
 */
export class ExtensionSlot {
  readonly name: string
  readonly #context: SlotContext
  #config: Any | undefined
  #extension: Extension | undefined
  #version = ''
  /** Grows with each config, and with its end; work of an older one is dropped. */
  #generation = 0
  #content: Content | undefined
  /** Grows with each content. */
  #serial = 0
  #answered = 0
  #good: LastGood | undefined
  #failure: SluiceError | undefined
  #working = false
  #timer: NodeJS.Timeout | undefined
  #grace: NodeJS.Timeout | undefined
  readonly #backoff: Backoff

  constructor(name: string, context: SlotContext) {
    this.name = name
    this.#context = context
    this.#backoff = new Backoff(context.heal)
  }

  get content(): Content | undefined {
    return this.#content
  }

  get serial(): number {
    return this.#serial
  }

  get version(): string {
    return this.#version
  }

  /** Nothing is under way: no fetch, and no content that the proxy has yet to answer. */
  get isSettled(): boolean {
    return !this.#working && this.#content !== undefined && this.#answered === this.#serial
  }

  /** Whether traffic meets what it must: a module, or a fallback that lets it pass. */
  get isReady(): boolean {
    const kind = this.#content?.kind ?? 'fallback'
    return kind !== 'fallback' || (this.#wasm !== undefined && fallbackOf(this.#wasm.plugin) === 'allow')
  }

  /** Takes a config from the control plane. */
  update(extension: Extension, config: Any, version: string): void {
    this.#version = version
    const same = this.#config !== undefined && Buffer.compare(this.#config.value, config.value) === 0
    // The same config once more is a chance for what failed, not news for what works.
    if (same && this.#failure === undefined) {
      this.#context.changed()
      return
    }
    if (same && (this.#working || !mayHeal(this.#failure))) return
    this.#config = config
    this.#extension = extension
    this.#generation++
    this.#stopTimers()
    this.#backoff.reset()
    if (extension.kind === 'other') {
      this.#failure = undefined
      this.#deliver({ resource: config, kind: 'passed' })
      return
    }
    if (!same) this.#failure = undefined
    this.#startGrace(extension)
    void this.#work(this.#generation, extension)
  }

  /** The proxy answered the content with this serial. */
  answered(serial: number, rejection: string | undefined): void {
    if (serial !== this.#serial || serial === this.#answered) return
    this.#answered = serial
    const content = this.#content!
    if (rejection === undefined) this.#accepted(content)
    else this.#rejected(content, rejection)
    this.#context.settled(this)
    this.#context.changed()
  }

  /** The control plane or the proxy dropped the extension. */
  async close(): Promise<void> {
    this.#generation++
    this.#stopTimers()
    this.#good?.release()
    if (this.#content?.module !== this.#good) this.#content?.module?.release()
    await this.#context.lastGood.forget(this.name)
  }

  /** The process ends: what ran well is kept for the next one. */
  suspend(): void {
    this.#generation++
    this.#stopTimers()
  }

  /** Undefined for what is no Wasm extension. */
  report(): ExtensionReport | undefined {
    const wasm = this.#wasm
    if (wasm === undefined) return undefined
    const { name } = this
    const { resourceVersion } = wasm.meta
    const base = { name, version: this.#version, ...(resourceVersion === undefined ? {} : { resourceVersion }) }
    const module = this.#content?.module as Supplied | undefined
    const known = {
      ...(module?.digest === undefined ? {} : { digest: module.digest }),
      ...(module?.source === undefined ? {} : { source: module.source }),
      ...(module?.fromCache === undefined ? {} : { fromCache: module.fromCache }),
    }
    if (this.#failure !== undefined) {
      const { code, message } = this.#failure
      return { ...base, state: 'failed', code, message: `${message}; ${this.#consequence(wasm)}`, ...known }
    }
    const ready = this.#content?.kind === 'module' && this.#answered === this.#serial && !this.#working
    const warned = module?.warnings?.length ? { message: module.warnings.join('; ') } : {}
    return ready ? { ...base, state: 'ready', ...warned, ...known } : { ...base, state: 'fetching' }
  }

  get #wasm(): WasmExtension | undefined {
    return this.#extension === undefined || this.#extension.kind === 'other' ? undefined : this.#extension
  }

  #consequence(wasm: WasmExtension): string {
    const { kind, module } = this.#content ?? {}
    if (kind === 'last-good' || kind === 'module') return `the last good module ${module?.digest ?? ''} keeps running`
    return fallbackOf(wasm.plugin) === 'deny' ? 'requests are denied until it is fixed' : 'requests pass without it'
  }

  async #work(generation: number, extension: WasmExtension): Promise<void> {
    this.#working = true
    // What comes at once from the cache is told as it ends, not as it begins.
    const tell = setTimeout(() => this.#context.changed(), QUIET_MS)
    let supplied: Supplied | undefined
    let failure: unknown
    const began = performance.now()
    try {
      supplied = await this.#context.supply.get(extension)
    } catch (error) {
      failure = error
    }
    clearTimeout(tell)
    this.#context.metrics.duration.record(performance.now() - began)
    if (generation !== this.#generation) {
      supplied?.release()
      return
    }
    // A failed try may have to look for the last good one, during which a newer config may come.
    const stored =
      supplied === undefined && this.#good === undefined ? await this.#context.lastGood.load(this.name) : undefined
    if (generation !== this.#generation) {
      stored?.release()
      return
    }
    this.#working = false
    clearTimeout(this.#grace)
    if (supplied === undefined) this.#failed(asSluiceError(failure), extension, stored)
    else this.#succeeded(supplied)
  }

  #succeeded(supplied: Supplied): void {
    if (this.#failure !== undefined) {
      this.#context.metrics.heals.add()
      log.info({ extension: this.name, digest: supplied.digest }, 'the extension healed')
    }
    this.#failure = undefined
    this.#backoff.reset()
    this.#deliver({ resource: supplied.resource, kind: 'module', module: supplied })
  }

  #failed(error: SluiceError, extension: WasmExtension, stored: LastGood | undefined): void {
    this.#failure = error
    this.#good ??= stored
    const fallback = fallbackOf(extension.plugin)
    const kept = this.#usable(extension) !== undefined
    const outcome = kept ? 'keeping the last good module' : `applying ${fallback} RBAC filter`
    log.warn(
      { extension: this.name, code: error.code },
      `error in converting the wasm config to local: ${error.message}. ${outcome}`,
    )
    this.#fallBack(extension)
    if (mayHeal(error)) this.#healLater(extension, error)
  }

  /** Gives the proxy the last good module, or the filter that stands for the fail policy. */
  #fallBack(extension: WasmExtension): void {
    const good = this.#usable(extension)
    if (good !== undefined) this.#deliver({ resource: good.resource, kind: 'last-good', module: good })
    else {
      const resource = encodeFallback(this.name, extension.kind, fallbackOf(extension.plugin))
      this.#deliver({ resource, kind: 'fallback' })
    }
  }

  /** The last good module, unless a policy has come since that it was never held against: an unsigned module must not stay. */
  #usable({ meta }: WasmExtension): LastGood | undefined {
    const good = this.#good
    const enforced = meta.signatures.filter(({ warn }) => !warn)
    return enforced.every((one) => good?.signedBy?.includes(fingerprintOf(one))) ? good : undefined
  }

  #healLater(extension: WasmExtension, error: SluiceError): void {
    const asked = error instanceof SupplyError ? (error.retryAfterMs ?? 0) : 0
    const generation = this.#generation
    this.#timer = setTimeout(() => void this.#work(generation, extension), Math.max(this.#backoff.next(), asked))
    this.#timer.unref()
  }

  #startGrace(extension: WasmExtension): void {
    if (this.#content !== undefined || fallbackOf(extension.plugin) === 'deny') return
    this.#grace = setTimeout(() => {
      const resource = encodeFallback(this.name, extension.kind, 'allow')
      this.#deliver({ resource, kind: 'fallback' })
    }, this.#context.openGraceMs)
    this.#grace.unref()
  }

  #deliver(content: Content): void {
    const before = this.#content
    const same = before !== undefined && Buffer.compare(before.resource.value, content.resource.value) === 0
    if (before?.module !== content.module && before?.module !== this.#good) before?.module?.release()
    this.#content = content
    if (same) {
      // Other notes, same filter: the proxy need not hear of it.
      if (this.#answered === this.#serial) this.#accepted(content)
      this.#context.settled(this)
    } else {
      this.#serial++
      this.#context.deliver(this)
    }
    this.#context.changed()
  }

  #accepted({ kind, module, resource }: Content): void {
    if (kind !== 'module' || module === undefined || module === this.#good) return
    this.#good?.release()
    this.#good = { ...module, resource }
    this.#content = { ...this.#content!, module: this.#good }
    void this.#context.lastGood.save(this.name, this.#good).catch((error) => {
      log.warn({ err: error, extension: this.name }, 'the last good config cannot be kept for a restart')
    })
  }

  #rejected({ kind, module }: Content, reason: string): void {
    const wasm = this.#wasm
    if (wasm === undefined || kind === 'fallback') return
    this.#failure = new SluiceError('SL3029', reason)
    if (module === this.#good) this.#good = undefined
    this.#fallBack(wasm)
  }

  #stopTimers(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#grace)
  }
}

/** A module that fails to start will fail the next time too; everything else may be mended without a new config. */
function mayHeal(error: SluiceError | undefined): boolean {
  if (error === undefined || error.code === 'SL3029' || error.code === 'SL3001' || error.code === 'SL3002') return false
  return !error.code.startsWith('SL4') && error.code !== 'SL3024'
}

function asSluiceError(error: unknown): SluiceError {
  return error instanceof SluiceError ? error : new SupplyError('SL3003', messageOf(error), { cause: error })
}
