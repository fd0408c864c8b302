/** Module supply: from a reference to a verified local file, and the ADS stream that makes use of it. */
export { agentSettings, cacheOptionsFromEnv, registriesFromEnv } from './cache/options.ts'
export type { EnvoyNode } from './envoy/bootstrap.ts'
export { hasOwnBootstrap, runEnvoy } from './envoy/run.ts'
export { parseMirrors } from './mirrors.ts'
export { type Agent, startAgent } from './start.ts'
