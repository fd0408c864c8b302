import type { Any } from '@bufbuild/protobuf/wkt'
import type { ExtensionReport } from '../../xds/index.ts'
import type { Extension } from './decode.ts'
import { ExtensionSlot, type SlotContext } from './slot.ts'

/** The session that now serves the proxy. */
export interface Consumer {
  deliver(slot: ExtensionSlot): void
  settled(slot: ExtensionSlot): void
  report(reports: readonly ExtensionReport[]): void
}

/** What all slots share. */
export type TableOptions = Omit<SlotContext, 'deliver' | 'settled' | 'changed'>

/** All extensions of one proxy. It outlives the proxy's streams: what healed or failed meanwhile is told to the next one. */
export class ExtensionTable {
  readonly #slots = new Map<string, ExtensionSlot>()
  readonly #context: SlotContext
  #consumer: Consumer | undefined
  #reporting = false

  constructor(options: TableOptions) {
    this.#context = {
      ...options,
      deliver: (slot) => this.#consumer?.deliver(slot),
      settled: (slot) => this.#consumer?.settled(slot),
      changed: () => this.#reportSoon(),
    }
  }

  attach(consumer: Consumer): void {
    this.#consumer = consumer
  }

  detach(consumer: Consumer): void {
    if (this.#consumer === consumer) this.#consumer = undefined
  }

  get(name: string): ExtensionSlot | undefined {
    return this.#slots.get(name)
  }

  update(extension: Extension, config: Any, version: string): ExtensionSlot {
    let slot = this.#slots.get(extension.name)
    if (slot === undefined) {
      slot = new ExtensionSlot(extension.name, this.#context)
      this.#slots.set(extension.name, slot)
    }
    slot.update(extension, config, version)
    return slot
  }

  remove(name: string): void {
    const slot = this.#slots.get(name)
    if (slot === undefined) return
    this.#slots.delete(name)
    void slot.close()
    this.#reportSoon()
  }

  /** Removes everything but these. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#slots.keys()) if (!names.has(name)) this.remove(name)
  }

  reports(): ExtensionReport[] {
    return [...this.#slots.values()].flatMap((slot) => slot.report() ?? [])
  }

  /** Extensions whose traffic is denied because their module is not there. */
  notReady(): string[] {
    return [...this.#slots.values()].filter((slot) => !slot.isReady).map((slot) => slot.name)
  }

  /** Stops everything under way without forgetting anything. */
  suspend(): void {
    for (const slot of this.#slots.values()) slot.suspend()
  }

  /** Many changes of one turn make one report. */
  #reportSoon(): void {
    if (this.#reporting) return
    this.#reporting = true
    setImmediate(() => {
      this.#reporting = false
      this.#consumer?.report(this.reports())
    })
  }
}
