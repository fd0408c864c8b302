import { parseMirrors, registriesFromEnv } from '../../agent/index.ts'
import type { RegistryOptions } from '../../oci/index.ts'
import { openHome } from '../../standalone/home.ts'
import { standaloneMirrors } from '../../standalone/mirrors.ts'
import { readRunning } from '../../standalone/running.ts'
import { setLogLevel } from '../../telemetry/log.ts'

/**
 * References mean the same on the command line as in an object: registries are reached as the agent's variables say, and while an
 * instance runs, its registry answers for the names that it mirrors.
 */
export function registryOptions(): RegistryOptions {
  // What a command does, its own output tells; the agent's log lines are for logs.
  if (process.env['SLUICE_LOG_LEVEL'] === undefined) setLogLevel('warn', 'wasm')
  const options = registriesFromEnv(process.env)
  const running = readRunning(openHome())
  if (running === undefined) return options
  return { ...options, mirrors: [...parseMirrors(standaloneMirrors(running.registry)), ...(options.mirrors ?? [])] }
}
