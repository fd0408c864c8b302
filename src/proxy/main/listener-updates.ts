import { toBinary } from '@bufbuild/protobuf'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { type Listener, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { Turns } from '../../base/turns.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { PrepareContext } from '../context.ts'
import { compileListener, listenerPath } from '../listener/compile-listener.ts'
import { listenAddresses, listenerScope } from '../listener/listen-address.ts'
import type { StatsStore } from '../stats/store.ts'
import type { SecretNeed } from '../tls/secret-need.ts'
import type { DataPlaneContext } from '../worker/data-plane-context.ts'
import type { ConfigOp, ListenerOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import type { CollectedUpdates } from './collection.ts'
import type { CountMemories } from './count-memories.ts'
import { attempt, type Delivered } from './delivered.ts'
import { type ListenerNeeds, listenerNeeds } from './dependencies.ts'
import { prepareListener } from './prepare.ts'

/**
 * What there is of one name: the one in force, one that waits to replace it, and the ports that the first was given.
 */
export interface ListenerState {
  active: Delivered<Listener> | undefined
  warming: Delivered<Listener> | undefined
  ports: readonly number[] | undefined
}

/** A listener that could not be taken, and why. */
export interface RefusedListener {
  readonly listener: Delivered<Listener>
  readonly reason: string
}

interface Warming {
  readonly delivered: Delivered<Listener>
  readonly needs: ListenerNeeds
  readonly prepared: ReadonlyMap<string, unknown>
  /** Routes and extensions whose `initial_fetch_timeout` is over. */
  readonly givenUp: Set<string>
  readonly timers: NodeJS.Timeout[]
  /** How many of its secrets were not there at first. */
  readonly awaited: number
}

/** What listeners wait for, and who is told. */
export interface ListenerSurroundings {
  readonly routes: ReadonlyMap<string, unknown>
  /** Of these only what cannot be used has come. */
  readonly badRoutes: ReadonlySet<string>
  readonly extensions: ReadonlyMap<string, unknown>
  /** Of these, too. */
  readonly badExtensions: ReadonlySet<string>
  readonly secrets: ReadonlyMap<string, unknown>
  /** A secret is there, or waited for no longer. */
  settled(need: SecretNeed): boolean
  wait(needs: readonly SecretNeed[]): void
  /** Reads secrets that come by files; throws where there are no such files. */
  openSecrets(needs: readonly SecretNeed[]): Promise<void>
  /** What they need has changed. */
  changed(): void
  /** Some may have come into force. */
  warmed(): void
}

/** What holds for all listeners. */
interface ListenerSettings {
  readonly node: Node
  readonly drainMs: number
  readonly stats: StatsStore
  readonly counts: CountMemories
}

/** The listeners: tried out here, kept warm until what they need is there, put into force in the workers. */
export class ListenerUpdates implements CollectedUpdates<Listener> {
  readonly states = new Map<string, ListenerState>()
  /** Those of the last update, whether or not there is another of the name. */
  readonly refused = new Map<string, RefusedListener>()
  readonly #warming = new Map<string, Warming>()
  readonly #prepared = new Map<string, ReadonlyMap<string, unknown>>()
  readonly #pool: Applier
  readonly #trial: DataPlaneContext
  readonly #needs: ListenerSurroundings
  readonly #prepareContext: Omit<PrepareContext, 'statPrefix'>
  readonly #drainMs: number
  readonly #stats: StatsStore
  readonly #log: Logger
  /** What listeners need that are being tried out. */
  readonly #adding = new Set<ListenerNeeds>()
  /** What those name that are next is not to be given up with the listeners that they take the place of. */
  #coming: readonly Listener[] = []
  /** A listener that changes together with its secrets comes into force in the order of the changes. */
  readonly #turns = new Turns()

  constructor(
    pool: Applier,
    trial: DataPlaneContext,
    needs: ListenerSurroundings,
    { node, drainMs, stats, counts }: ListenerSettings,
    log: Logger,
  ) {
    this.#pool = pool
    this.#trial = trial
    this.#needs = needs
    this.#prepareContext = { node, log, countMemory: (name) => counts.named(name) }
    this.#drainMs = drainMs
    this.#stats = stats
    this.#log = log
  }

  /** What brings a new worker to the present state. */
  ops(): ConfigOp[] {
    return [...this.states].flatMap(([name, { active, ports }]) =>
      active === undefined ? [] : [this.#op(name, active.proto, this.#prepared.get(name) ?? new Map(), ports)],
    )
  }

  get names(): Set<string> {
    return new Set(this.states.keys())
  }

  /** The one that was delivered last. */
  latest(name: string): Listener | undefined {
    const state = this.states.get(name)
    return (state?.warming ?? state?.active)?.proto
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

  /** What all of them need, in force or not yet. */
  needs(): ListenerNeeds[] {
    const found = [...this.#adding]
    for (const listener of this.#coming) {
      const needs = attempt(() => listenerNeeds(listener))
      if (typeof needs !== 'string') found.push(needs)
    }
    for (const { active, warming } of this.states.values()) {
      for (const listener of [active, warming]) if (listener !== undefined) found.push(listenerNeeds(listener.proto))
    }
    return found
  }

  /** What the names of this thread's statistics of listeners begin with. */
  statPrefixes(): Set<string> {
    const prefixes = new Set<string>()
    for (const { active, warming } of this.states.values())
      for (const listener of [active, warming]) if (listener !== undefined) prefixes.add(tlsStatsPrefix(listener.proto))
    return prefixes
  }

  /** Makes those anew that use this secret; says which refuse it, and why. */
  async renew(secret: string): Promise<string[]> {
    const refusals: string[] = []
    for (const name of [...this.states.keys()]) {
      const error = await this.#turns.take(() => this.#renew(name, secret))
      if (error !== undefined) refusals.push(`listener ${name}: ${error}`)
    }
    return refusals
  }

  async #renew(name: string, secret: string): Promise<string | undefined> {
    const state = this.states.get(name)
    if (state?.active === undefined) return undefined
    const { proto } = state.active
    const uses = listenerNeeds(proto).secrets.filter(({ key }) => key === secret).length
    if (uses === 0) return undefined
    const op = this.#op(name, proto, this.#prepared.get(name) ?? new Map(), state.ports)
    const [{ error }] = await this.#pool.apply([op])
    if (error === undefined) this.#countUpdates(proto, uses)
    return error
  }

  #absentSecrets({ secrets }: ListenerNeeds): number {
    return secrets.filter(({ key }) => !this.#needs.secrets.has(key)).length
  }

  /** Envoy counts each arrival of a secret, also the first, unless it was there before the listener. */
  #countUpdates(proto: Listener, count: number): void {
    this.#stats.named(tlsStatsPrefix(proto)).counter('ssl_context_update_by_sds').value += count
  }

  /** What was refused is told until there is other news (Envoy's ListenerManagerImpl::beginListenerUpdate). */
  beginUpdate(coming: readonly Listener[]): void {
    this.refused.clear()
    this.#coming = coming
  }

  /** All of the update have been added. */
  endUpdate(): void {
    this.#coming = []
  }

  /** Tries a listener out and puts it into force, now or when what it needs has come; or says why it is refused. */
  async add(listener: Delivered<Listener>): Promise<string | undefined> {
    const { proto } = listener
    const state = this.states.get(proto.name) ?? { active: undefined, warming: undefined, ports: undefined }
    const needs = attempt(() => listenerNeeds(proto))
    if (typeof needs === 'string') return this.#refuse(listener, state, needs)
    const shared = attempt(() => this.#sharedAddress(proto))
    if (shared !== undefined) return this.#refuse(listener, state, shared)
    let prepared: ReadonlyMap<string, unknown>
    this.#adding.add(needs)
    const awaited = this.#absentSecrets(needs)
    try {
      await this.#needs.openSecrets(needs.secrets)
      prepared = await prepareListener(proto, this.#trial, this.#prepareContext)
      ;(await compileListener(proto, this.#trial, prepared)).close()
    } catch (error) {
      this.#adding.delete(needs)
      return this.#refuse(listener, state, messageOf(error))
    }
    const known = this.states.get(proto.name) === state
    this.states.set(proto.name, state)
    this.#stopWarming(proto.name)
    state.warming = listener
    this.#adding.delete(needs)
    const warming: Warming = { delivered: listener, needs, prepared, givenUp: new Set(), timers: [], awaited }
    this.#warming.set(proto.name, warming)
    this.#needs.changed()
    if (this.#satisfied(warming)) {
      const error = await this.#activate(proto.name, warming)
      if (error !== undefined) return error
    } else this.#armTimers(warming)
    this.#count(known ? 'modified' : 'added')
    return undefined
  }

  #count(news: 'added' | 'modified' | 'removed'): void {
    this.#stats.counter(`listener_manager.listener_${news}`).value++
  }

  /** Two that wait would find out only when they serve; Envoy (ListenerManagerImpl::hasListenerWithDuplicatedAddress) looks at once. */
  #sharedAddress(proto: Listener): string | undefined {
    const own = new Set(fixedAddresses(proto))
    for (const [name, { active, warming }] of this.states) {
      if (name === proto.name) continue
      for (const other of [active, warming]) {
        const shared = other && fixedAddresses(other.proto).find((address) => own.has(address))
        if (shared !== undefined) return `listener ${name} has ${shared}, too`
      }
    }
    return undefined
  }

  #refuse(listener: Delivered<Listener>, state: ListenerState, reason: string): string {
    const { name } = listener.proto
    this.refused.set(name, { listener, reason })
    if (state.active === undefined && state.warming === undefined) this.states.delete(name)
    return reason
  }

  #armTimers(warming: Warming): void {
    const { routes, extensions, secrets } = warming.needs
    this.#needs.wait(secrets)
    for (const [name, ms] of [...routes, ...extensions]) {
      if (ms === 0) continue
      const timer = setTimeout(() => {
        warming.givenUp.add(name)
        void this.warm()
      }, ms)
      warming.timers.push(timer.unref())
    }
  }

  #satisfied({ delivered, needs, givenUp }: Warming): boolean {
    // Bad routes end the wait, as in Envoy (RdsRouteConfigSubscription::onConfigUpdateFailed), and so do bad extension configs
    // (FilterConfigSubscription does the same): else a proxy would never be ready for one of them. One that serves already does better than
    // one without routes, or with a filter that answers 500.
    const serves = this.states.get(delivered.proto.name)?.active !== undefined
    const has = (known: ReadonlyMap<string, unknown>, bad: ReadonlySet<string>, name: string) =>
      known.has(name) || givenUp.has(name) || (!serves && bad.has(name))
    const { routes, badRoutes, extensions, badExtensions } = this.#needs
    return (
      [...needs.routes.keys()].every((name) => has(routes, badRoutes, name)) &&
      [...needs.extensions.keys()].every((name) => has(extensions, badExtensions, name)) &&
      needs.secrets.every((need) => this.#needs.settled(need))
    )
  }

  /** Listeners whose last missing piece has come. */
  async warm(): Promise<void> {
    for (const [name, warming] of [...this.#warming]) {
      if (!this.#satisfied(warming) || this.#warming.get(name) !== warming) continue
      const error = await this.#activate(name, warming)
      if (error !== undefined) this.#log.error({ listener: name }, `cannot be put into force: ${error}`)
      // What only the one before needed is needed no more.
      this.#needs.changed()
    }
    this.#needs.warmed()
  }

  #activate(name: string, warming: Warming): Promise<string | undefined> {
    this.#stopWarming(name)
    const state = this.states.get(name) as ListenerState
    return this.#turns.take(() => this.#putIntoForce(name, state, warming))
  }

  async #putIntoForce(name: string, state: ListenerState, warming: Warming): Promise<string | undefined> {
    const op = this.#op(name, warming.delivered.proto, warming.prepared, state.ports)
    const [{ error, ports }] = await this.#pool.apply([op])
    // Removed meanwhile, and perhaps added again: the workers hear of that next.
    if (this.states.get(name) !== state) return undefined
    if (state.warming === warming.delivered) state.warming = undefined
    if (error !== undefined) return this.#refuse(warming.delivered, state, error)
    state.active = warming.delivered
    const { secrets } = warming.needs
    const arrived = Math.max(0, warming.awaited - this.#absentSecrets(warming.needs))
    if (secrets.length > 0) this.#countUpdates(warming.delivered.proto, arrived)
    if (ports !== undefined && ports.length > 0) state.ports = ports
    this.#prepared.set(name, warming.prepared)
    return undefined
  }

  #stopWarming(name: string): void {
    const warming = this.#warming.get(name)
    if (warming !== undefined) for (const timer of warming.timers) clearTimeout(timer)
    this.#warming.delete(name)
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#remove(name)
  }

  async #remove(name: string): Promise<void> {
    this.#stopWarming(name)
    if (this.states.delete(name)) this.#count('removed')
    this.#prepared.delete(name)
    await this.#turns.take(() => this.#pool.apply([{ kind: 'remove-listener', name, drainMs: this.#drainMs }]))
  }

  #op(
    name: string,
    proto: Listener,
    prepared: ReadonlyMap<string, unknown>,
    ports: readonly number[] | undefined,
  ): ListenerOp {
    const bytes = toBinary(ListenerSchema, proto)
    return { kind: 'listener', name, bytes, prepared, ports, drainMs: this.#drainMs }
  }
}

/** Those whose port is not left to the system. */
function fixedAddresses(proto: Listener): string[] {
  return listenAddresses(proto, listenerPath(proto)).flatMap(({ ip, port }) => (port === 0 ? [] : [`${ip}:${port}`]))
}

function tlsStatsPrefix(proto: Listener): string {
  return `${listenerScope(listenAddresses(proto, proto.name), proto.name, proto.statPrefix)}server_ssl_socket_factory.`
}
