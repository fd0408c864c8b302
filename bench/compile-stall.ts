/**
 * The longest stall of a data thread while a large module is compiled for it, handed over and started.
 *
 * node bench/compile-stall.ts [megabytes]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { type CompiledModule, compileModule } from '../src/wasm/index.ts'
import { generateModule } from './lib/large-module.ts'
import { startStub } from './wasm-stub.ts'

/** The data thread: it tells its longest delay since it was last asked. */
function serve(): void {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  parentPort?.on('message', (message: CompiledModule | 'max') => {
    if (message !== 'max') {
      const begun = performance.now()
      startStub(message)
      parentPort?.postMessage(performance.now() - begun)
      return
    }
    // The histogram holds whole intervals; the timer's own millisecond is no stall.
    parentPort?.postMessage(Math.max(0, delays.max / 1e6 - 1))
    delays.reset()
  })
}

async function main(): Promise<void> {
  const bytes = generateModule(Number(process.argv[2] ?? 14) * 2 ** 20)
  const worker = new Worker(new URL(import.meta.url))
  const ask = (message: CompiledModule | 'max') =>
    new Promise<number>((resolve) => {
      worker.once('message', resolve)
      worker.postMessage(message)
    })
  await sleep(500)
  await ask('max')
  await sleep(2000)
  const idle = await ask('max')
  const begun = performance.now()
  const compiled = await compileModule(bytes)
  const took = performance.now() - begun
  const compiling = await ask('max')
  const started = await ask(compiled)
  const starting = await ask('max')
  console.log(
    `module of ${(bytes.length / 2 ** 20).toFixed(1)} MiB, compiled in ${took.toFixed(0)} ms on a thread of its own`,
  )
  console.log(
    `longest delay of the data thread: ${idle.toFixed(1)} ms idle, ${compiling.toFixed(1)} ms while it was compiled,`,
  )
  console.log(`${starting.toFixed(1)} ms while it was taken over and started (start itself ${started.toFixed(1)} ms)`)
  await worker.terminate()
  process.exit()
}

if (isMainThread) await main()
else serve()
