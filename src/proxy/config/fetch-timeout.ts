import type { ConfigSource } from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import { durationMs } from './fields.ts'

const DEFAULT_MS = 15_000

/** How long what comes from there is waited for at first (`initial_fetch_timeout`); 0: for ever. */
export function fetchTimeoutMs(source: ConfigSource | undefined): number {
  return durationMs(source?.initialFetchTimeout, DEFAULT_MS)
}
