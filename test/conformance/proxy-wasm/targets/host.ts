import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../../../src/errors.ts'
import { type CompiledModule, compileModuleSync, Plugin, VmCache } from '../../../../src/wasm/index.ts'
import type { Case, Seen } from '../case.ts'
import { DEFAULT_MODULE } from '../modules/index.ts'
import { HostConnection } from './host-connection.ts'
import { hostServices } from './host-services.ts'
import { HostStream } from './host-stream.ts'

const LOG_MS = 1_000

/** Runs cases on our host alone. All share VMs as the plugins of one worker do. */
export class HostTarget {
  readonly #log = new Map<string, string[]>()
  readonly #vms = new VmCache()
  readonly #compiled = new Map<string, CompiledModule>()
  readonly #modules: ReadonlyMap<string, string>
  readonly #services = hostServices((plugin, line) => this.#lines(plugin).push(line))

  constructor(modules: ReadonlyMap<string, string>) {
    this.#modules = modules
  }

  async run(one: Case): Promise<Seen> {
    const seen: Seen = { exchanges: [], startLog: [], log: [], refused: undefined }
    const lines = this.#lines(one.id)
    let plugin: Plugin
    try {
      plugin = this.#start(one)
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      seen.refused = error.explain()
      return seen
    }
    seen.startLog = lines.slice()
    for (const exchange of one.exchanges ?? [{}]) {
      seen.exchanges.push(
        one.kind === 'tcp' ? HostConnection.run(plugin, exchange) : await HostStream.run(plugin, exchange),
      )
    }
    const wanted = one.log === undefined ? (one.logIncludes?.length ?? 0) : seen.startLog.length + one.log.length
    const late = Date.now() + LOG_MS
    while (lines.length < wanted && Date.now() < late) await sleep(5)
    await sleep(0)
    seen.log = lines.slice(seen.startLog.length)
    plugin.close()
    return seen
  }

  #start(one: Case): Plugin {
    const { plugin = {} } = one
    const config = {
      ...plugin,
      name: one.id,
      rootId: plugin.rootId ?? one.id,
      vmId: plugin.vmId ?? 'shared',
      vmConfiguration: plugin.vmConfig ?? '',
    }
    return Plugin.start(
      this.#compile(one.module ?? DEFAULT_MODULE),
      { ...config, configuration: one.config ?? '' },
      this.#services,
      this.#vms,
    )
  }

  #compile(name: string): CompiledModule {
    let compiled = this.#compiled.get(name)
    if (compiled === undefined) {
      compiled = compileModuleSync(readFileSync(this.#modules.get(name) ?? ''))
      this.#compiled.set(name, compiled)
    }
    return compiled
  }

  #lines(plugin: string): string[] {
    let lines = this.#log.get(plugin)
    if (lines === undefined) {
      lines = []
      this.#log.set(plugin, lines)
    }
    return lines
  }
}
