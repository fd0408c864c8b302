import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { toBinary } from '@bufbuild/protobuf'
import { type Node, NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { Turns } from '../../base/turns.ts'
import { messageOf } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import { TicketSecret } from '../tls/ticket-secret.ts'
import type {
  ConfigOp,
  FromWorker,
  OpResult,
  ToWorker,
  WorkerCommand,
  WorkerQuestion,
  WorkerStart,
} from '../worker/protocol.ts'
import type { CountMemories } from './count-memories.ts'

const log = logger('proxy')

/** The compiled package holds JavaScript beside this file, the source tree TypeScript. */
const WORKER_FILE = new URL(`../worker/worker-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Three semi-spaces of 8 MB, as in heap-flags.ts; V8 would let them grow to 64 MB together. */
const YOUNG_MB = 24

/** A worker that dies at once again and again is started again less and less often. */
const RESTART_MS = 100
const MAX_RESTART_MS = 10_000

interface Thread {
  readonly index: number
  readonly worker: Worker
  readonly waiting: Map<number, (message: FromWorker | undefined) => void>
  alive: boolean
}

/** What the threads are made of. */
interface WorkerPoolOptions {
  readonly node: Node
  readonly count: number
  /** One more thread, without listeners, for services of which there is one. */
  readonly servicesThread: boolean
  readonly overload?: OverloadState | undefined
  readonly counts: CountMemories
  /** `cluster_manager.local_cluster_name`, or '' */
  readonly localCluster?: string
  /** All ops that bring a new worker to the present state. */
  readonly fullState: () => readonly ConfigOp[]
}

/** The data threads as seen from the main thread: batches of config changes, questions, replacement of the dead. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #standing = new Map<WorkerCommand['kind'], WorkerCommand>()
  /** Extensions whose trace is on. */
  readonly #traced = new Set<string>()
  readonly #ticketSecret = new TicketSecret()
  readonly #threads: (Thread | undefined)[] = []
  #nextId = 1
  readonly #queue = new Turns()
  #closed = false
  #deaths = 0
  restarts = 0

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#options.count
  }

  async start(): Promise<void> {
    const { count, servicesThread } = this.#options
    await Promise.all(Array.from({ length: count + (servicesThread ? 1 : 0) }, (_, index) => this.#spawn(index)))
  }

  /** Applies ops in all workers or in none: an op that one of them refuses is dropped everywhere. Batches run one by one. */
  apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]> {
    return this.#queue.take(() => this.#apply(ops))
  }

  /** Asks every living worker. */
  async query<T>(what: WorkerQuestion): Promise<T[]> {
    return this.#askAll((id) => ({ type: 'query', id, what }))
  }

  /** Tells every worker; what still holds then is told to those that take the place of dead ones, too. */
  async command(command: WorkerCommand): Promise<void> {
    if (command.kind !== 'reset-counters') this.#standing.set(command.kind, command)
    await this.#askAll((id) => ({ type: 'command', id, command }))
  }

  /** Switches the trace of an extension in every worker, also those that take the place of dead ones; says in how many places it runs. */
  async traceWasm(plugin: string, enabled: boolean): Promise<number> {
    if (enabled) this.#traced.add(plugin)
    else this.#traced.delete(plugin)
    const found = await this.#askAll<number>((id) => ({ type: 'wasm-trace', id, plugin, enabled }))
    return found.reduce((sum, count) => sum + count, 0)
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closed = true
    await this.#queue.done()
    await Promise.all(this.#living().map((thread) => this.#ask(thread, (id) => ({ type: 'drain', id, deadlineMs }))))
    await Promise.all(this.#living().map((thread) => thread.worker.terminate()))
  }

  /** For tests of what happens then. */
  async kill(index: number): Promise<void> {
    await this.#threads[index]?.worker.terminate()
  }

  async #apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]> {
    if (ops.length === 0) return []
    const [first, ...rest] = this.#living()
    if (first === undefined || first.index === this.size) return ops.map(() => ({ error: 'no worker is running' }))
    const id = this.#nextId++
    // The first alone where ports are chosen by the system: the others must take the same.
    const ahead = rest.length > 0 && ops.some((op) => op.kind === 'listener' && op.ports === undefined)
    const results: (readonly OpResult[])[] = []
    const gather = (answer: FromWorker | undefined) => {
      if (answer?.type === 'prepared') results.push(answer.results)
    }
    const prepare = (thread: Thread, list: readonly ConfigOp[]) =>
      this.#ask(thread, (id) => ({ type: 'prepare', id, ops: list }), id)
    if (ahead) {
      gather(await prepare(first, ops))
      const told = ops.map((op, i) => (op.kind === 'listener' ? { ...op, ports: results[0]?.[i].ports } : op))
      for (const answer of await Promise.all(rest.map((thread) => prepare(thread, told)))) gather(answer)
    } else {
      for (const answer of await Promise.all([first, ...rest].map((thread) => prepare(thread, ops)))) gather(answer)
    }
    const merged = ops.map((_, i): OpResult => {
      const refused = results.find((list) => list[i].error !== undefined)
      if (results.length === 0) return { error: 'the worker died' }
      return refused === undefined ? results[0][i] : refused[i]
    })
    const accepted = merged.map(({ error }) => error === undefined)
    await Promise.all(
      this.#living().map((thread) => this.#ask(thread, (commitId) => ({ type: 'commit', id: commitId, accepted }), id)),
    )
    return merged
  }

  async #askAll<T>(make: (id: number) => ToWorker): Promise<T[]> {
    const answers = await Promise.all(this.#living().map((thread) => this.#ask(thread, make)))
    return answers.filter((a) => a?.type === 'answer').map((a) => (a as { value: unknown }).value as T)
  }

  #living(): Thread[] {
    return this.#threads.filter((thread) => thread?.alive === true) as Thread[]
  }

  #ask(thread: Thread, make: (id: number) => ToWorker, id = this.#nextId++): Promise<FromWorker | undefined> {
    return new Promise((resolve) => {
      if (!thread.alive) {
        resolve(undefined)
        return
      }
      thread.waiting.set(id, resolve)
      thread.worker.postMessage(make(id))
    })
  }

  async #spawn(index: number): Promise<void> {
    const role = index < this.size ? 'data' : 'services'
    const { node, overload, localCluster = '' } = this.#options
    const workerData: WorkerStart = {
      index,
      role,
      node: toBinary(NodeSchema, node),
      ticketSeed: this.#ticketSecret.seed,
      overload: overload?.shared,
      localCluster,
    }
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB }
    const worker = new Worker(WORKER_FILE, { workerData, name: `sluice-worker-${index}`, resourceLimits })
    const thread: Thread = { index, worker, waiting: new Map(), alive: false }
    worker.on('error', (error) => log.error({ worker: index, code: 'SL5004' }, `worker failed: ${messageOf(error)}`))
    worker.on('exit', () => this.#exited(thread))
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          resolve()
          return
        }
        const waiting = thread.waiting.get(message.id)
        thread.waiting.delete(message.id)
        waiting?.(message)
      })
      once(worker, 'exit').then(() => reject(new Error(`worker ${index} did not start`)), reject)
    })
    await ready
    thread.alive = true
    this.#threads[index] = thread
  }

  #exited(thread: Thread): void {
    const wasAlive = thread.alive
    thread.alive = false
    for (const waiting of thread.waiting.values()) waiting(undefined)
    thread.waiting.clear()
    this.#options.overload?.forget(thread.index)
    this.#options.counts.forget(thread.index)
    if (this.#closed || !wasAlive) return
    this.restarts++
    this.#replaceLater(thread.index)
  }

  #replaceLater(index: number): void {
    this.#deaths++
    const pause = Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** Math.min(10, this.#deaths - 1))
    setTimeout(() => {
      this.#deaths = Math.max(0, this.#deaths - 1)
    }, 60_000).unref()
    setTimeout(() => this.#replace(index), pause).unref()
  }

  async #bring(thread: Thread, ops: readonly ConfigOp[]): Promise<void> {
    const id = this.#nextId++
    const answer = await this.#ask(thread, () => ({ type: 'prepare', id, ops }), id)
    const results = answer?.type === 'prepared' ? answer.results : []
    for (const { error } of results) if (error !== undefined) log.error({ worker: thread.index }, error)
    const accepted = results.map(({ error }) => error === undefined)
    await this.#ask(thread, () => ({ type: 'commit', id, accepted }), id)
  }

  #replace(index: number): void {
    if (this.#closed) return
    const run = this.#queue.take(async () => {
      await this.#spawn(index)
      const thread = this.#threads[index] as Thread
      const ops = this.#options.fullState()
      // Services and listeners look up what they use when they are made.
      const last = ['service', 'listener']
      await this.#bring(
        thread,
        ops.filter(({ kind }) => !last.includes(kind)),
      )
      for (const one of last) {
        await this.#bring(
          thread,
          ops.filter(({ kind }) => kind === one),
        )
      }
      for (const command of this.#standing.values()) await this.#ask(thread, (id) => ({ type: 'command', id, command }))
      for (const plugin of this.#traced)
        await this.#ask(thread, (id) => ({ type: 'wasm-trace', id, plugin, enabled: true }))
      log.warn({ worker: index }, 'a worker was replaced')
    })
    run.catch((error: unknown) => {
      log.error({ worker: index }, messageOf(error))
      // It has not begun, so its end will not call for another one.
      if (this.#threads[index]?.alive !== true) this.#replaceLater(index)
    })
  }
}
