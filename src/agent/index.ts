/** Module supply: from a reference to a verified local file, and the ADS stream that makes use of it. */
export { type CachedModule, ModuleCache, type ModuleRequest } from './cache/module-cache.ts'
export { cacheOptionsFromEnv, type ModuleCacheOptions } from './cache/options.ts'
export { AdsInterposer, type AdsInterposerOptions } from './interposer.ts'
export { parseModuleUrl } from './module-url.ts'
export type { PullPolicy } from './pull-policy.ts'
export type { Trial } from './trial/trial.ts'
export { TrialThreads } from './trial/trial-threads.ts'
