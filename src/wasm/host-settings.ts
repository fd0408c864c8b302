import { SluiceError } from '../errors.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import type { PluginConfig } from './plugin-config.ts'

/** Where a plugin departs from Envoy's host by its own wish; each is explained at the plugin's config. */
export type HostOptions = Pick<PluginConfig, 'keepContentLength' | 'passInvalidUtf8' | 'specFinishOrder'>

/** What an extension's owner may set of the host: limits, and where Envoy's way is wanted. */
export interface HostSettings {
  readonly limits: Partial<Limits>
  readonly options: HostOptions
}

const OPTIONS: readonly string[] = [
  'keepContentLength',
  'passInvalidUtf8',
  'specFinishOrder',
] satisfies (keyof HostOptions)[]

/** The owner of an extension is not the owner of the proxy: nobody may ask for more than this times the default. */
const MOST = 16

/** The counter of fuel is an i32. */
const MOST_FUEL = 2_000_000_000

const LONGEST_TICK_MS = 3_600_000

/**
 * Reads `{"memoryPages":256,"keepContentLength":true}`: rows of the table of quotas with numbers, and options with booleans. Throws
 * SL4017 that names `where` and the key. Fuel cannot be turned off: an endless loop would take the worker.
 */
export function parseHostSettings(text: string, where: string): HostSettings {
  const bad = (what: string) => new SluiceError('SL4017', `${where}: ${what}`, { where })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw bad('is not JSON')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('is not a JSON object')
  const limits: Record<string, number> = {}
  const options: Record<string, boolean> = {}
  for (const [key, value] of Object.entries(json)) {
    if (OPTIONS.includes(key)) {
      if (typeof value !== 'boolean') throw bad(`${key} must be true or false`)
      options[key] = value
      continue
    }
    const most = mostOf(key)
    if (most === undefined) throw bad(`${JSON.stringify(key)} is no limit or option that can be set`)
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw bad(`${key} must be a whole number from 1 to ${most}`)
    }
    limits[key] = value
  }
  return { limits, options }
}

function mostOf(key: string): number | undefined {
  const value = Object.hasOwn(DEFAULT_LIMITS, key) ? DEFAULT_LIMITS[key as keyof Limits] : undefined
  if (typeof value !== 'number') return undefined
  if (key === 'tickMs') return LONGEST_TICK_MS
  return key.endsWith('Fuel') ? Math.min(value * MOST, MOST_FUEL) : value * MOST
}
