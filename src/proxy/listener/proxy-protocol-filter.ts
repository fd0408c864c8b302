import {
  type ProxyProtocol,
  ProxyProtocolSchema,
} from '../../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { Found, ListenerFilter } from './listener-filter.ts'
import { beginsAs, proxyHeaderVersion, readProxyHeader } from './proxy-protocol.ts'

const FIELDS = ['allow_requests_without_proxy_protocol', 'disallowed_versions', 'stat_prefix']

/** `envoy.filters.listener.proxy_protocol`: the header comes first, and tells the client's addresses. */
export class ProxyProtocolFilter implements ListenerFilter {
  readonly #optional: boolean
  readonly #versions: Readonly<Record<1 | 2, { readonly allowed: boolean } & ReturnType<typeof versionStats>>>
  readonly #stats

  constructor(config: ProxyProtocol, stats: StatsScope, path: string) {
    onlyFields(ProxyProtocolSchema, config, FIELDS, path)
    const disallowed = new Set<number>(config.disallowedVersions)
    if (disallowed.size === 2) throw invalid(`${path}.disallowed_versions`, 'leaves no version')
    this.#optional = config.allowRequestsWithoutProxyProtocol
    const scope = stats.scope(config.statPrefix === '' ? 'proxy_proto.' : `proxy_proto.${config.statPrefix}.`)
    // Of all listeners together, as in Envoy.
    this.#stats = {
      errors: stats.counter('downstream_cx_proxy_proto_error'),
      absent: scope.counter('not_found_allowed'),
      missing: scope.counter('not_found_disallowed'),
    }
    this.#versions = {
      1: { allowed: !disallowed.has(0), ...versionStats(scope, 1) },
      2: { allowed: !disallowed.has(1), ...versionStats(scope, 2) },
    }
  }

  look(bytes: Buffer, _seen: number, found: Found): number | 'more' | 'refused' {
    if (this.#optional && !this.#mayBe(bytes, 1) && !this.#mayBe(bytes, 2)) {
      this.#stats.absent.value++
      return 0
    }
    const version = proxyHeaderVersion(bytes)
    if (version === undefined) return 'more'
    if (version === 0) {
      this.#stats.missing.value++
      this.#stats.errors.value++
      return 'refused'
    }
    const of = this.#versions[version]
    if (!of.allowed) {
      of.found.value++
      of.disallowed.value++
      return 'refused'
    }
    const header = readProxyHeader(bytes)
    if (header === undefined) return 'more'
    if (header === null) {
      of.error.value++
      this.#stats.errors.value++
      return 'refused'
    }
    of.found.value++
    found.addresses = { ...found.addresses, ...header.addresses }
    return header.length
  }

  #mayBe(bytes: Buffer, version: 1 | 2): boolean {
    return this.#versions[version].allowed && beginsAs(bytes, version)
  }
}

function versionStats(stats: StatsScope, version: 1 | 2) {
  const scope = stats.scope(`versions.v${version}.`)
  return {
    found: scope.counter('found'),
    disallowed: scope.counter('disallowed'),
    error: scope.counter('error'),
  }
}
