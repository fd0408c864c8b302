import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../../../src/errors.ts'
import { type CompiledModule, compileModuleSync, Plugin, VmCache } from '../../../../src/wasm/index.ts'
import { type Case, type Exchange, filterOf, isService, type Seen, type SeenExchange } from '../case.ts'
import { logIsThere } from '../compare.ts'
import { DEFAULT_MODULE } from '../modules/index.ts'
import { HostConnection } from './host-connection.ts'
import { hostServices } from './host-services.ts'
import { HostStream } from './host-stream.ts'

const LOG_MS = 2_500

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
    const companion = filterOf(one)
    const filter =
      companion === undefined ? undefined : this.#start({ module: one.module ?? DEFAULT_MODULE, ...companion })
    for (const exchange of one.exchanges ?? [{}]) seen.exchanges.push(await pass(one, exchange, plugin, filter))
    const late = Date.now() + LOG_MS
    while (!logIsThere(one, seen.startLog, lines) && Date.now() < late) await sleep(5)
    await sleep(0)
    seen.log = lines.slice(seen.startLog.length)
    filter?.close()
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
    const started = Plugin.start(
      this.#compile(one.module ?? DEFAULT_MODULE),
      { ...config, configuration: one.config ?? '' },
      this.#services,
      this.#vms,
    )
    if (isService(one.kind)) started.supervise()
    return started
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

function pass(
  { kind }: Case,
  exchange: Exchange,
  plugin: Plugin,
  filter: Plugin | undefined,
): SeenExchange | Promise<SeenExchange> {
  if (kind === 'tcp') return HostConnection.run(plugin, exchange)
  if (kind === 'tcp-access-log') return HostConnection.logged(plugin, exchange)
  if (kind === 'access-log') return HostStream.run(filter, exchange, plugin)
  return HostStream.run(isService(kind) ? filter : plugin, exchange)
}
