/**
 * The longest stall of a data thread while a large module is compiled for it, handed over and started, and what of it was the want
 * of a free core.
 *
 * node bench/compile-stall.ts [megabytes | file.wasm]
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { V8_POOL } from '../bin/v8-pool.mjs'
import { growThreefold } from '../src/proxy/main/heap-flags.ts'
import { type CompiledModule, compileModule } from '../src/wasm/index.ts'
import { generateModule } from './lib/large-module.ts'
import { type Delays, watchDelays } from './lib/loop-delays.ts'
import { REQUEST, RESPONSE, StubStream, startStub } from './wasm-stub.ts'

/** The data thread: it tells the longest delay since it was last asked, by the clock and by the time that it ran itself. */
function serve(): void {
  const delays = watchDelays()
  parentPort?.on('message', (message: CompiledModule | 'delays') => {
    if (message === 'delays') {
      parentPort?.postMessage(delays())
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
    const { longest, own } = await ask<Delays>('delays')
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
  // As the proxy does when its threads have started: how often V8 collects the whole heap is part of what is measured.
  growThreefold()
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

if (!isMainThread) serve()
else if (process.execArgv.includes(V8_POOL)) await main()
// With the threads for V8's work that a proxy has.
else
  process.exitCode = spawnSync(process.execPath, [V8_POOL, ...process.argv.slice(1)], { stdio: 'inherit' }).status ?? 1
