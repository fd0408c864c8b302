import type { WorkerPool } from '../main/worker-pool.ts'

/** `POST /wasm/trace?extension=<name>&enable=true`: the host calls of that plugin go to the log scope `wasm`, in words. */
export async function wasmTrace(query: URLSearchParams, workers: WorkerPool): Promise<string> {
  const name = query.get('extension') ?? ''
  const enable = query.get('enable') ?? ''
  if (name === '' || (enable !== 'true' && enable !== 'false')) {
    throw new Error('usage: POST /wasm/trace?extension=<name>&enable=true|false')
  }
  const found = await workers.traceWasm(name, enable === 'true')
  return `trace of ${name} is ${enable === 'true' ? 'on' : 'off'}; it runs ${found} times\n`
}
