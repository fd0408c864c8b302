/**
 * The longest stall of a data thread while a large module is compiled for it, handed over and started.
 *
 * node bench/compile-stall.ts [megabytes]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { type CompiledModule, compileModule } from '../src/wasm/index.ts'
import { startStub } from './wasm-stub.ts'

function leb(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}

function section(id: number, parts: readonly (readonly number[])[]): Buffer {
  const body = Buffer.concat([Buffer.from(leb(parts.length)), ...parts.map((part) => Buffer.from(part))])
  return Buffer.concat([Buffer.from([id, ...leb(body.length)]), body])
}

function exported(name: string, kind: number, index: number): number[] {
  return [name.length, ...Buffer.from(name), kind, index]
}

/** Functions with arithmetic, loads, a loop and calls to one another, until there are so many bytes of code. */
function generate(bytes: number): Buffer {
  const functions: number[][] = [
    [2, 0, 0x0b],
    [5, 0, 0x41, ...leb(1024), 0x0b],
  ]
  for (let size = 0, n = 2; size < bytes; n++) {
    const code = [0, 0x03, 0x40]
    for (let i = 0; i < 12; i++) {
      // local0 = (local0 * 7 + memory[local0 & 0xff]) ^ n
      code.push(
        0x20,
        0,
        0x41,
        7,
        0x6c,
        0x20,
        0,
        0x41,
        ...[0xff, 0x01],
        0x71,
        0x28,
        2,
        0,
        0x6a,
        0x41,
        ...leb(n & 0x3f),
        0x73,
      )
      code.push(0x21, 0)
    }
    if (n > 2) code.push(0x20, 0, 0x10, ...leb(n - 1), 0x21, 0)
    code.push(0x20, 0, 0x45, 0x0d, 0, 0x0b, 0x20, 0, 0x0b)
    const whole = [...leb(code.length), ...code]
    functions.push(whole)
    size += whole.length
  }
  return Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    section(1, [
      [0x60, 0, 0],
      [0x60, 1, 0x7f, 1, 0x7f],
    ]),
    section(
      3,
      functions.map((_, i) => [i === 0 ? 0 : 1]),
    ),
    section(5, [[0, 2]]),
    section(7, [exported('memory', 2, 0), exported('proxy_abi_version_0_2_1', 0, 0), exported('malloc', 0, 1)]),
    section(10, functions),
  ])
}

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
  const bytes = generate(Number(process.argv[2] ?? 14) * 2 ** 20)
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
