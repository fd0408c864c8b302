import { hash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { SluiceError } from '../errors.ts'
import type { CompiledModule } from './compile.ts'
import type { CompileAnswer, CompileRequest } from './compile-worker.ts'
import type { Limits } from './limits.ts'

/** The thread lives on for this long without work: configurations come in bursts. */
const IDLE_MS = 5000

interface Waiting {
  readonly resolve: (compiled: CompiledModule) => void
  readonly reject: (error: Error) => void
}

let worker: Worker | undefined
let idle: NodeJS.Timeout | undefined
let nextId = 1
const waiting = new Map<number, Waiting>()

/** Modules that somebody still has, and those that are under way, by their bytes and limits. */
const known = new Map<string, WeakRef<CompiledModule>>()
const underWay = new Map<string, Promise<CompiledModule>>()

/**
 * Checks, rewrites and compiles a module on a thread of its own, so that neither data threads nor the main thread stall. The
 * result can be posted to any thread; the machine code is shared. As long as it is alive, the same bytes and limits give the same
 * object: a thousand plugins of one module are a thousand references, also where a message takes them to another thread. Rejects
 * with SluiceError (SL4001 to SL4008).
 */
export function compileModule(bytes: Uint8Array, limits: Partial<Limits> = {}): Promise<CompiledModule> {
  const key = `${hash('sha256', bytes)} ${JSON.stringify(limits)}`
  const compiled = known.get(key)?.deref()
  if (compiled !== undefined) return Promise.resolve(compiled)
  let promise = underWay.get(key)
  if (promise === undefined) {
    promise = compileOnThread(bytes, limits)
      .then((made) => remember(key, made))
      .finally(() => underWay.delete(key))
    underWay.set(key, promise)
  }
  return promise
}

function remember(key: string, made: CompiledModule): CompiledModule {
  for (const [other, reference] of known) if (reference.deref() === undefined) known.delete(other)
  known.set(key, new WeakRef(made))
  return made
}

function compileOnThread(bytes: Uint8Array, limits: Partial<Limits>): Promise<CompiledModule> {
  return new Promise((resolve, reject) => {
    clearTimeout(idle)
    const id = nextId++
    waiting.set(id, { resolve, reject })
    worker ??= start()
    worker.ref()
    worker.postMessage({ id, bytes, limits } satisfies CompileRequest)
  })
}

function start(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const started = new Worker(new URL(`./compile-worker.${extension}`, import.meta.url))
  started.on('message', (answer: CompileAnswer) => {
    const request = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (waiting.size === 0) rest(started)
    if ('compiled' in answer) request?.resolve(answer.compiled)
    else request?.reject(new SluiceError(answer.code, answer.detail))
  })
  started.on('error', (cause) => lose(started, cause))
  started.on('exit', () => lose(started, new Error('the compiler thread ended')))
  return started
}

function rest(started: Worker): void {
  started.unref()
  idle = setTimeout(() => {
    if (worker === started && waiting.size === 0) {
      worker = undefined
      void started.terminate()
    }
  }, IDLE_MS)
  idle.unref()
}

function lose(lost: Worker, cause: unknown): void {
  if (worker !== lost) return
  worker = undefined
  for (const { reject } of waiting.values()) reject(new SluiceError('SL4018', String(cause), { cause }))
  waiting.clear()
}
