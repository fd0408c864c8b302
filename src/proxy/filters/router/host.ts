import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import { LB_METADATA, MetadataMatch } from '../../cluster/lb/metadata-match.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import type { RouteEntry } from '../../route/route-entry.ts'
import type { Retries } from './retries.ts'

/** The host for the next try of a request. */
export function chooseHost(
  cluster: Cluster,
  route: RouteEntry,
  info: StreamInfo,
  retries: Retries | undefined,
): EndpointHost | undefined {
  const match = cluster.hasSubsets ? asked(route, info) : undefined
  let host = cluster.choose(route.settings.hash?.hash(info), match)
  const tried = retries?.tried
  if (retries === undefined || tried === undefined || !retries.policy.avoidPreviousHosts) return host
  for (let i = 0; i < retries.policy.hostSelectionAttempts && host !== undefined && tried.includes(host); i++) {
    host = cluster.choose(undefined, match)
  }
  return host
}

/** The route's word, and over it what filters put into the request's metadata. */
function asked(route: RouteEntry, info: StreamInfo): MetadataMatch | undefined {
  const own = info.dynamicMetadata?.get(LB_METADATA)
  return own === undefined ? route.metadataMatch : MetadataMatch.of({ [LB_METADATA]: own }, route.metadataMatch)
}
