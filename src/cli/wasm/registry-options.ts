import { parseMirrors, registriesFromEnv } from '../../agent/index.ts'
import type { RegistryOptions } from '../../oci/index.ts'
import { openHome } from '../../standalone/home.ts'
import { standaloneMirrors } from '../../standalone/mirrors.ts'
import { readRunning } from '../../standalone/running.ts'

/**
 * References mean the same on the command line as in an object: registries are reached as the agent's variables say, and while an
 * instance runs, its registry answers for the names that it mirrors.
 */
export function registryOptions(): RegistryOptions {
  const options = registriesFromEnv(process.env)
  const running = readRunning(openHome())
  if (running === undefined) return options
  return { ...options, mirrors: [...parseMirrors(standaloneMirrors(running.registry)), ...(options.mirrors ?? [])] }
}
