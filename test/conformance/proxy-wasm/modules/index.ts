/** The modules of the cases, by name. */
import type { Case } from '../case.ts'
import { WASI } from '../cases/wasi.ts'
import { built } from './cache.ts'
import { LOADING, NO_MODULES } from './loading.ts'
import { type AbiVersion, probe } from './probe.ts'
import { wasiModule } from './wasi.ts'
import { wat } from './wat.ts'

export const DEFAULT_MODULE = 'probe-0.2.1'

/** Builds, or takes from the cache, every module that the cases name; gives their paths. */
export async function modulesFor(cases: readonly Case[]): Promise<Map<string, string>> {
  const modules = new Map<string, string>()
  for (const { module = DEFAULT_MODULE } of cases) {
    if (!modules.has(module)) modules.set(module, await build(module))
  }
  return modules
}

function build(name: string): Promise<string> {
  if (name.startsWith('probe-')) return probe(name.slice('probe-'.length) as AbiVersion)
  if (name.startsWith('wasi_')) return wat(name, wasiModule(name, WASI))
  const bytes = NO_MODULES[name]
  if (bytes !== undefined) return built(name, 'bytes', [['bytes', bytes]], async () => bytes)
  const text = LOADING[name]
  if (text === undefined) throw new Error(`there is no module «${name}»`)
  return wat(name, text)
}
