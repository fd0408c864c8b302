import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import {
  DEFAULT_LIMITS,
  hostsFrom,
  type RegistryOptions,
  readAuthority,
  SupplyError,
  type UnpackLimits,
} from '../../oci/index.ts'
import type { Registry } from '../../telemetry/metrics.ts'
import type { HttpFetchOptions } from '../fetch/http-fetch.ts'
import { parseMirrors } from '../mirrors.ts'

/** Where modules are kept, how they are fetched and for how long they stay. */
export interface ModuleCacheOptions {
  readonly dir: string
  /** How registries and servers are reached: mirrors, insecure ones, certificate authorities, blocked ranges. */
  readonly registries?: RegistryOptions
  readonly limits?: UnpackLimits
  readonly http?: HttpFetchOptions
  /** Unused for longer than this, a module is purged (WASM_MODULE_EXPIRY). */
  readonly expiryMs?: number
  /** WASM_PURGE_INTERVAL; 0 switches the timer off. */
  readonly purgeIntervalMs?: number
  /** All modules together; the longest unused go first. 4 GiB unless told. */
  readonly maxBytes?: number
  readonly metrics?: Registry
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's duration syntax, as Istio's environment variables have it (`1h30m`, `15s`). */
export function parseDuration(text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback
  if (text === '0') return 0
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return fallback
  let sum = 0
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) sum += Number(count) * DURATION_UNITS[unit]
  return sum
}

/** `host=file` each: certificate authorities in PEM that are trusted for a registry, which Istio can only leave unchecked. */
function readAuthorities(pairs: readonly string[]): Record<string, string> {
  const ca: Record<string, string> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) throw new SupplyError('SL3032', `SLUICE_REGISTRY_CA «${pair}»: write host=file`)
    try {
      ca[pair.slice(0, at)] = readAuthority(pair.slice(at + 1))
    } catch (cause) {
      throw new SupplyError('SL3032', `SLUICE_REGISTRY_CA ${messageOf(cause)}`, { cause })
    }
  }
  return ca
}

/** How registries are reached, as the environment says: Istio's variables, and ours for what Istio has no setting for. */
export function registriesFromEnv(env: NodeJS.ProcessEnv): RegistryOptions {
  const list = (name: string, separator = ',') =>
    (env[name] ?? '')
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== '')
  const folders = list('SLUICE_REGISTRY_CONFIG_PATH', ':')
  return {
    insecure: list('WASM_INSECURE_REGISTRIES'),
    blockedCidrs: list('BLOCKED_CIDRS_IN_WASM_FETCH'),
    ca: readAuthorities(list('SLUICE_REGISTRY_CA')),
    mirrors: parseMirrors(env['SLUICE_REGISTRY_MIRRORS']),
    ...(folders.length === 0 ? {} : { hosts: hostsFrom(folders) }),
  }
}

/** The variables that the agent reads; docs/reference/module-supply.md says what each means. */
const SETTINGS = [
  'WASM_INSECURE_REGISTRIES',
  'SLUICE_REGISTRY_CA',
  'SLUICE_REGISTRY_MIRRORS',
  'SLUICE_REGISTRY_CONFIG_PATH',
  'BLOCKED_CIDRS_IN_WASM_FETCH',
  'ISTIO_WASM_MAX_BINARY_SIZE_BYTES',
  'WASM_HTTP_REQUEST_TIMEOUT',
  'WASM_HTTP_REQUEST_MAX_RETRIES',
  'WASM_MODULE_EXPIRY',
  'WASM_PURGE_INTERVAL',
  'DOCKER_CONFIG',
]

/** Those of them that are set, to be handed to an agent in another process. */
export function agentSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    SETTINGS.flatMap((name) => {
      const value = env[name]
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
}

/** Istio's agent knobs (facts of its options.go): the same names, the same defaults. */
export function cacheOptionsFromEnv(
  env: NodeJS.ProcessEnv,
  dir = join(env['HOME'] ?? '.', '.sluice/modules'),
): ModuleCacheOptions {
  const maxBytes = Number(env['ISTIO_WASM_MAX_BINARY_SIZE_BYTES'] ?? DEFAULT_LIMITS.maxBytes)
  const attempts = Number(env['WASM_HTTP_REQUEST_MAX_RETRIES'] ?? 5)
  return {
    dir,
    registries: registriesFromEnv(env),
    limits: { ...DEFAULT_LIMITS, maxBytes: maxBytes > 0 ? maxBytes : DEFAULT_LIMITS.maxBytes },
    // 0 means 5 s (Istio), and "0 tries" can only be a mistake: one is made.
    http: {
      attempts: Math.max(1, attempts || 1),
      attemptMs: parseDuration(env['WASM_HTTP_REQUEST_TIMEOUT'], 15_000) || 5000,
    },
    expiryMs: parseDuration(env['WASM_MODULE_EXPIRY'], 24 * 3_600_000),
    purgeIntervalMs: parseDuration(env['WASM_PURGE_INTERVAL'], 3_600_000),
  }
}
