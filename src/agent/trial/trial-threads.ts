import { Worker } from 'node:worker_threads'
import { toBinary } from '@bufbuild/protobuf'
import { type PluginConfig, PluginConfigSchema } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { SluiceError } from '../../errors.ts'
import type { Trial } from './trial.ts'
import type { TrialMessage } from './trial-worker.ts'

/** How many trials run at once, and for how long. */
export interface TrialThreadsOptions {
  /** What takes longer, from when its thread has begun with it, is ended with its thread; 10 s unless told. */
  readonly deadlineMs?: number
  /** Trials at once; 2 unless told. */
  readonly threads?: number
}

/** Loading a thread's code is no fault of the module, and takes seconds on a machine that is very busy. */
const THREAD_START_MS = 60_000

interface Waiting {
  readonly plugin: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Runs trials on threads of their own: a module that never comes back costs its thread, and the deadline ends that. One thread
 * is kept warm, because a trial is on the way of every change.
 */
export class TrialThreads {
  readonly #deadlineMs: number
  readonly #limit: number
  readonly #idle: Worker[] = []
  readonly #queue: Waiting[] = []
  #busy = 0
  #closed = false

  constructor({ deadlineMs = 10_000, threads = 2 }: TrialThreadsOptions = {}) {
    this.#deadlineMs = deadlineMs
    this.#limit = threads
    this.#idle.push(this.#start())
  }

  readonly try: Trial = (plugin: PluginConfig) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#queue.push({ plugin: toBinary(PluginConfigSchema, plugin), resolve, reject })
    this.#next()
    return promise
  }

  close(): void {
    this.#closed = true
    for (const worker of this.#idle.splice(0)) void worker.terminate()
    for (const { reject } of this.#queue.splice(0)) reject(new SluiceError('SL3024', 'the agent is shutting down'))
  }

  #next(): void {
    if (this.#closed || this.#busy >= this.#limit) return
    const waiting = this.#queue.shift()
    if (waiting === undefined) return
    this.#busy++
    this.#run(this.#idle.pop() ?? this.#start(), waiting)
  }

  #run(worker: Worker, { plugin, resolve, reject }: Waiting): void {
    let done = false
    const finish = (error: Error | undefined, reusable: boolean) => {
      if (done) return
      done = true
      clearTimeout(timer)
      worker.removeAllListeners('message')
      if (reusable && !this.#closed && this.#idle.length === 0) this.#rest(worker)
      else void worker.terminate()
      this.#busy--
      if (error === undefined) resolve()
      else reject(error)
      this.#next()
    }
    const late = (what: string, ms: number) =>
      setTimeout(() => finish(new SluiceError('SL3033', `${what} within ${ms / 1000} s`), false), ms)
    let timer = late('no thread could begin with it', THREAD_START_MS)
    const lost = (cause: unknown) =>
      finish(new SluiceError('SL3033', `its thread ended (${String(cause)})`, { cause }), false)
    worker.removeAllListeners('error').removeAllListeners('exit')
    worker.once('error', lost)
    worker.once('exit', lost)
    worker.on('message', (message: TrialMessage) => {
      if (message.begun === true) {
        clearTimeout(timer)
        timer = late('it did not start', this.#deadlineMs)
        return
      }
      const { failure } = message
      finish(failure === undefined ? undefined : new SluiceError(failure.code, failure.detail), true)
    })
    worker.ref()
    worker.postMessage(plugin)
  }

  #start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./trial-worker.${extension}`, import.meta.url))
    this.#watchIdle(worker)
    return worker
  }

  #rest(worker: Worker): void {
    worker.removeAllListeners('error').removeAllListeners('exit')
    this.#watchIdle(worker)
    this.#idle.push(worker)
  }

  /** A thread that dies while nobody uses it is left out; it neither ends the process nor keeps it alive. */
  #watchIdle(worker: Worker): void {
    const drop = () => {
      const at = this.#idle.indexOf(worker)
      if (at >= 0) this.#idle.splice(at, 1)
    }
    worker.on('error', drop)
    worker.on('exit', drop)
    worker.unref()
  }
}
