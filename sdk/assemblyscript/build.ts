import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { CompileJob, CompileResult } from './compile-worker.ts'

export type Abi = '0.1.0' | '0.2.0' | '0.2.1'

export interface BuildOptions {
  /** 0.2.1 unless told. */
  readonly abi?: Abi
  /** Where built modules are kept, by the hash of everything that went into them; nothing is kept when it is left out. */
  readonly cacheDir?: string
  /** With function names and assertions, and not optimized: for looking into a trap. */
  readonly debug?: boolean
}

/** What the compiler had to say about a source that it did not take. */
export class BuildError extends Error {
  override readonly name = 'BuildError'
}

const SDK = fileURLToPath(new URL('./assembly', import.meta.url))
const PACKAGE = '@sluice/assemblyscript'
/** Raise it when the same sources would be built differently. */
const BUILD_VERSION = 1

/** Each callback with the method of the SDK's classes that it calls: it is exported only where the sources have the method. */
const CALLBACKS: readonly (readonly [name: string, method: string])[] = [
  ['proxy_on_vm_start', 'onVmStart'],
  ['proxy_on_configure', 'onConfigure'],
  ['proxy_on_tick', 'onTick'],
  ['proxy_on_queue_ready', 'onQueueReady'],
  ['proxy_on_foreign_function', 'onForeignFunction'],
  ['proxy_on_request_headers', 'onRequestHeaders'],
  ['proxy_on_request_body', 'onRequestBody'],
  ['proxy_on_request_trailers', 'onRequestTrailers'],
  ['proxy_on_response_headers', 'onResponseHeaders'],
  ['proxy_on_response_body', 'onResponseBody'],
  ['proxy_on_response_trailers', 'onResponseTrailers'],
  ['proxy_on_http_call_response', 'onHttpCallResponse'],
  ['proxy_on_done', 'onDone'],
  ['proxy_on_log', 'onLog'],
]

/** Compiles an extension whose top level file is `entry` to a Proxy-Wasm module. */
export async function buildExtension(entry: string, options: BuildOptions = {}): Promise<Uint8Array> {
  const { abi = '0.2.1', cacheDir, debug = false } = options
  const sources = { ...sourcesBelow(dirname(entry), ''), ...sourcesBelow(SDK, `~lib/${PACKAGE}/`) }
  const key = createHash('sha256').update(JSON.stringify([BUILD_VERSION, compilerVersion(), abi, debug, sources]))
  const cached = cacheDir === undefined ? undefined : join(cacheDir, `${key.digest('hex')}.wasm`)
  if (cached !== undefined && existsSync(cached)) return readFileSync(cached)
  const module = await compile(entry, abi, debug)
  if (cached !== undefined) {
    mkdirSync(dirname(cached), { recursive: true })
    // Another process may be writing the same file.
    writeFileSync(`${cached}.${process.pid}`, module)
    renameSync(`${cached}.${process.pid}`, cached)
  }
  return module
}

/** In a thread of its own: compiling takes more than a second, in which nothing else of the process would run. */
function compile(entry: string, abi: Abi, debug: boolean): Promise<Uint8Array> {
  const base = dirname(resolve(entry))
  const abiFile = abiSource(abi, Object.values(sourcesBelow(base, '')).join('\n'))
  const workerData: CompileJob = { base, entry: relative(base, resolve(entry)), sdk: SDK, abi, abiFile, debug }
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./compile-worker.${ending}`, import.meta.url), { workerData })
  return new Promise((done, reject) => {
    worker.once('error', reject)
    worker.once('message', (result: CompileResult) => {
      if (typeof result === 'string') reject(new BuildError(`${entry}: ${result}`))
      else done(result)
    })
  })
}

/** The exports of the module: its ABI's marker, what every module needs, and the callbacks that the sources have a method for. */
function abiSource(abi: Abi, sources: string): string {
  const from = `"${PACKAGE}/callbacks"`
  const wanted = CALLBACKS.filter(([, method]) => new RegExp(`\\b${method}\\s*\\(`).test(sources)).map(([name]) => name)
  // 0.1.0 tells no end of stream with headers.
  const old = abi === '0.1.0' ? wanted.filter((name) => name.endsWith('_headers')) : []
  const plain = ['proxy_on_context_create', 'proxy_on_delete', ...wanted.filter((name) => !old.includes(name))]
  return `import "${PACKAGE}/host/abort"
export function proxy_abi_version_${abi.replaceAll('.', '_')}(): void {}
export { proxy_on_memory_allocate${abi === '0.1.0' ? ' as malloc' : ''}, ${plain.join(', ')} } from ${from}
${old
  .map(
    (name) => `import { ${name} as with_end_${name} } from ${from}
export function ${name}(id: u32, count: u32): u32 { return with_end_${name}(id, count, 0) }`,
  )
  .join('\n')}
`
}

function sourcesBelow(dir: string, prefix: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.ts')) found[prefix + name] = readFileSync(join(dir, name), 'utf8')
  }
  return found
}

function compilerVersion(): string {
  const file = fileURLToPath(import.meta.resolve('assemblyscript/package.json'))
  return JSON.parse(readFileSync(file, 'utf8')).version
}
