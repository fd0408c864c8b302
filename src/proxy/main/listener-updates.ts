import { toBinary } from '@bufbuild/protobuf'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { type Listener, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { RejectedResource } from '../../xds/index.ts'
import { compileListener } from '../listener/compile-listener.ts'
import { listenAddresses } from '../listener/listen-address.ts'
import type { DataPlaneContext } from '../worker/data-plane-context.ts'
import type { ConfigOp, ListenerOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import type { Delivered } from './delivered.ts'
import { type ListenerNeeds, listenerNeeds } from './dependencies.ts'
import { prepareListener } from './prepare.ts'

export interface ListenerState {
  active: Delivered<Listener> | undefined
  warming: Delivered<Listener> | undefined
  ports: readonly number[] | undefined
  error: string | undefined
}

interface Warming {
  readonly delivered: Delivered<Listener>
  readonly needs: ListenerNeeds
  readonly prepared: ReadonlyMap<string, unknown>
  /** Names whose `initial_fetch_timeout` is over. */
  readonly givenUp: Set<string>
  readonly timers: NodeJS.Timeout[]
}

/** What listeners wait for, and who is told. */
export interface ListenerSurroundings {
  readonly routes: ReadonlyMap<string, unknown>
  readonly extensions: ReadonlyMap<string, unknown>
  readonly secrets: ReadonlyMap<string, unknown>
  /** What they need has changed. */
  changed(): void
  /** Some may have come into force. */
  warmed(): void
}

export interface ListenerSettings {
  readonly node: Node
  readonly reusePort: boolean
  readonly drainMs: number
}

/** The listeners: tried out here, kept warm until what they need is there, put into force in the workers. */
export class ListenerUpdates {
  readonly states = new Map<string, ListenerState>()
  readonly #warming = new Map<string, Warming>()
  readonly #prepared = new Map<string, ReadonlyMap<string, unknown>>()
  readonly #pool: Applier
  readonly #trial: DataPlaneContext
  readonly #needs: ListenerSurroundings
  readonly #node: Node
  readonly #reusePort: boolean
  readonly #drainMs: number
  readonly #log: Logger

  constructor(
    pool: Applier,
    trial: DataPlaneContext,
    needs: ListenerSurroundings,
    { node, reusePort, drainMs }: ListenerSettings,
    log: Logger,
  ) {
    this.#pool = pool
    this.#trial = trial
    this.#needs = needs
    this.#node = node
    this.#reusePort = reusePort
    this.#drainMs = drainMs
    this.#log = log
  }

  /** What brings a new worker to the present state. */
  ops(): ConfigOp[] {
    return [...this.states].flatMap(([name, { active, ports }]) =>
      active === undefined ? [] : [this.#op(name, active.proto, this.#prepared.get(name) ?? new Map(), ports)],
    )
  }

  /** Where active listeners listen. */
  addresses(): { name: string; address: string; port: number }[] {
    const result: { name: string; address: string; port: number }[] = []
    for (const [name, { active, ports }] of this.states) {
      if (active === undefined) continue
      for (const [i, { ip, port }] of listenAddresses(active.proto, name).entries())
        result.push({ name, address: ip, port: ports?.[i] ?? port })
    }
    return result
  }

  close(): void {
    for (const { timers } of this.#warming.values()) for (const timer of timers) clearTimeout(timer)
  }

  /** Makes those anew that use one of these secrets. */
  async reapply(changed: ReadonlySet<string>): Promise<RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const [name, { active, ports }] of this.states) {
      if (active === undefined) continue
      const used = [...listenerNeeds(active.proto).secrets].find((secret) => changed.has(secret))
      if (used === undefined) continue
      const op = this.#op(name, active.proto, this.#prepared.get(name) ?? new Map(), ports)
      const [{ error }] = await this.#pool.apply([op])
      if (error !== undefined) rejects.push({ name: used, reason: `listener ${name}: ${error}` })
    }
    return rejects
  }

  /** Tries a listener out and puts it into force, now or when what it needs has come; or says why it is refused. */
  async add(listener: Delivered<Listener>): Promise<string | undefined> {
    const { proto } = listener
    const state = this.states.get(proto.name) ?? {
      active: undefined,
      warming: undefined,
      ports: undefined,
      error: undefined,
    }
    let needs: ListenerNeeds
    let prepared: ReadonlyMap<string, unknown>
    try {
      needs = listenerNeeds(proto)
      const secretsThere = [...needs.secrets].every((name) => this.#needs.secrets.has(name))
      prepared = await prepareListener(proto, this.#trial, { node: this.#node, log: this.#log })
      // Without its certificates a listener cannot be tried out; it is when they come.
      if (secretsThere) (await compileListener(proto, this.#trial, prepared)).close()
    } catch (error) {
      state.error = messageOf(error)
      if (state.active === undefined) this.states.delete(proto.name)
      return messageOf(error)
    }
    this.states.set(proto.name, state)
    this.#stopWarming(proto.name)
    state.warming = listener
    const warming: Warming = { delivered: listener, needs, prepared, givenUp: new Set(), timers: [] }
    this.#warming.set(proto.name, warming)
    this.#needs.changed()
    if (!this.#satisfied(warming)) {
      this.#armTimers(warming)
      return undefined
    }
    return this.#activate(proto.name, warming)
  }

  #armTimers(warming: Warming): void {
    const waits = [...warming.needs.routes, ...warming.needs.extensions].filter(([, ms]) => ms > 0)
    for (const [name, ms] of waits) {
      const timer = setTimeout(() => {
        warming.givenUp.add(name)
        void this.warm()
      }, ms)
      warming.timers.push(timer.unref())
    }
  }

  #satisfied({ needs, givenUp }: Warming): boolean {
    const has = (known: ReadonlyMap<string, unknown>, name: string) => known.has(name) || givenUp.has(name)
    return (
      [...needs.routes.keys()].every((name) => has(this.#needs.routes, name)) &&
      [...needs.extensions.keys()].every((name) => has(this.#needs.extensions, name)) &&
      [...needs.secrets].every((name) => this.#needs.secrets.has(name))
    )
  }

  /** Listeners whose last missing piece has come. */
  async warm(): Promise<void> {
    for (const [name, warming] of [...this.#warming]) {
      if (!this.#satisfied(warming) || this.#warming.get(name) !== warming) continue
      const error = await this.#activate(name, warming)
      if (error !== undefined) this.#log.error({ listener: name }, `cannot be put into force: ${error}`)
    }
    this.#needs.warmed()
  }

  async #activate(name: string, warming: Warming): Promise<string | undefined> {
    this.#stopWarming(name)
    const state = this.states.get(name) as ListenerState
    state.warming = undefined
    const op = this.#op(name, warming.delivered.proto, warming.prepared, state.ports)
    const [{ error, ports }] = await this.#pool.apply([op])
    state.error = error
    if (error !== undefined) {
      if (state.active === undefined) this.states.delete(name)
      return error
    }
    state.active = warming.delivered
    if (ports !== undefined && ports.length > 0) state.ports = ports
    this.#prepared.set(name, warming.prepared)
    return undefined
  }

  #stopWarming(name: string): void {
    const warming = this.#warming.get(name)
    if (warming !== undefined) for (const timer of warming.timers) clearTimeout(timer)
    this.#warming.delete(name)
  }

  async remove(name: string): Promise<void> {
    this.#stopWarming(name)
    this.states.delete(name)
    this.#prepared.delete(name)
    await this.#pool.apply([{ kind: 'remove-listener', name, drainMs: this.#drainMs }])
  }

  #op(
    name: string,
    proto: Listener,
    prepared: ReadonlyMap<string, unknown>,
    ports: readonly number[] | undefined,
  ): ListenerOp {
    const bytes = toBinary(ListenerSchema, proto)
    return { kind: 'listener', name, bytes, prepared, ports, reusePort: this.#reusePort }
  }
}
