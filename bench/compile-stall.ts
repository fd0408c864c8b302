/**
 * The longest stall of a data thread while a large module is compiled for it, handed over and started, and what of it was the want
 * of a free core.
 *
 * node bench/compile-stall.ts [megabytes | file.wasm]
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { type CompiledModule, compileModule } from '../src/wasm/index.ts'
import { generateModule } from './lib/large-module.ts'
import { REQUEST, RESPONSE, StubStream, startStub } from './wasm-stub.ts'

/** One delay of the data thread's event loop, in milliseconds. */
interface Delay {
  readonly wall: number
  /** The thread itself ran. */
  readonly ran: number
  /** Ready to run, but other threads of the machine had the cores. */
  readonly waited: number
}

const NONE: Delay = { wall: 0, ran: 0, waited: 0 }

/** Milliseconds that this thread has run and has waited for a core (sched-stats: sum_exec_runtime and run_delay). */
function scheduled(): [ran: number, waited: number] {
  const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')
  return [Number(ran) / 1e6, Number(waited) / 1e6]
}

/** The data thread: it tells the longest delay since it was last asked, by the clock and by the time that it ran itself. */
function serve(): void {
  let longest = NONE
  let own = NONE
  let last = performance.now()
  let before = scheduled()
  setInterval(() => {
    const now = performance.now()
    const [ran, waited] = scheduled()
    // The timer's own millisecond is no delay.
    const delay = { wall: Math.max(0, now - last - 1), ran: ran - before[0], waited: waited - before[1] }
    if (delay.wall > longest.wall) longest = delay
    if (delay.ran > own.ran) own = delay
    last = performance.now()
    before = [ran, waited]
  }, 1)
  parentPort?.on('message', (message: CompiledModule | 'delays') => {
    if (message === 'delays') {
      parentPort?.postMessage({ longest, own })
      longest = NONE
      own = NONE
      return
    }
    const begun = performance.now()
    const plugin = startStub(message)
    const started = performance.now()
    const stream = new StubStream(REQUEST.slice(), RESPONSE.slice())
    const context = plugin.createHttpContext(stream)
    context.onRequestHeaders(true)
    context.end()
    parentPort?.postMessage({ start: started - begun, first: performance.now() - started })
  })
}

async function main(): Promise<void> {
  const named = process.argv[2] ?? '14'
  const bytes = named.endsWith('.wasm') ? readFileSync(named) : generateModule(Number(named) * 2 ** 20)
  const worker = new Worker(new URL(import.meta.url))
  const ask = <T>(message: CompiledModule | 'delays') =>
    new Promise<T>((resolve) => {
      worker.once('message', resolve)
      worker.postMessage(message)
    })
  const rows: Record<string, unknown>[] = []
  const row = async (what: string) => {
    const { longest, own } = await ask<{ longest: Delay; own: Delay }>('delays')
    rows.push({
      what,
      'longest, ms': longest.wall.toFixed(1),
      'of it waiting for a core': longest.waited.toFixed(1),
      'of it running': longest.ran.toFixed(1),
      'longest run, ms': own.ran.toFixed(1),
    })
  }
  await sleep(500)
  await ask('delays')
  await sleep(2000)
  await row('idle for 2 s')
  for (let round = 1; round <= 3; round++) {
    // Another module each time: V8 knows one that it has compiled.
    const begun = performance.now()
    const compiled = await compileModule(bytes, { startFuel: 2_000_000_000 - round })
    const took = performance.now() - begun
    await row(`compiled for ${took.toFixed(0)} ms on a thread of its own`)
    // As in the proxy, whose main thread tries each configuration before the data threads get it.
    startStub(compiled)
    await ask('delays')
    const { start, first } = await ask<{ start: number; first: number }>(compiled)
    await row(`taken over, started (${start.toFixed(1)} ms), first request (${first.toFixed(1)} ms)`)
    await sleep(1000)
    await row('the second after that')
  }
  console.log(`module of ${(bytes.length / 2 ** 20).toFixed(1)} MiB; delays of the data thread's event loop:`)
  console.table(rows)
  await worker.terminate()
  process.exit()
}

if (isMainThread) await main()
else serve()
