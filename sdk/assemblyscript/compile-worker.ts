import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import asc from 'assemblyscript/asc'

/** What `buildExtension` posts to this thread. */
export interface CompileJob {
  /** The folder of the entry file. */
  readonly base: string
  readonly entry: string
  /** The folder of the SDK's sources. */
  readonly sdk: string
  readonly abi: string
  /** Text of the file that exports the ABI's marker and the callbacks. */
  readonly abiFile: string
  readonly debug: boolean
}

/** The module, or what the compiler had to say. */
export type CompileResult = Uint8Array | string

const ABI_FILE = 'sluice-abi.ts'
const IN_SDK = /node_modules\/@sluice\/assemblyscript\/(.*)$/

/**
 * The flags: `minimal` frees memory when the SDK asks for it, between callbacks (`stub` never does, `incremental` adds code to
 * every function); an exported start lets the host see the memory first; -O2 builds a third faster than -O3 and runs no slower.
 */
async function compile({ base, entry, sdk, abi, abiFile, debug }: CompileJob): Promise<CompileResult> {
  let module: Uint8Array | undefined
  const { error, stderr } = await asc.main(
    [
      ...[entry, ABI_FILE, '--outFile', 'module.wasm', '--runtime', 'minimal', '--exportStart', '_initialize'],
      ...['--use', `PROXY_WASM_ABI=${Number(abi.replaceAll('.', ''))}`],
      ...['--use', 'abort=~lib/@sluice/assemblyscript/host/abort/abort'],
      debug ? '--debug' : '-O2',
    ],
    {
      readFile: (name) => {
        if (name === ABI_FILE) return abiFile
        const inSdk = IN_SDK.exec(name)
        const path = inSdk === null ? join(base, name) : join(sdk, inSdk[1])
        return existsSync(path) ? readFileSync(path, 'utf8') : null
      },
      writeFile: (name, contents) => {
        if (name === 'module.wasm' && typeof contents !== 'string') module = contents
      },
      listFiles: () => [],
    },
  )
  return error === null && module !== undefined ? module : stderr.toString() || String(error)
}

parentPort?.postMessage(await compile(workerData))
