/** What the server serves: the legacy documents (one per group version) and the aggregated one (two requests for everything). */
import type { Exchange } from './http/exchange.ts'
import { mediaRanges } from './http/negotiate.ts'
import { apiVersionOf, type Target } from './kind.ts'
import type { KindRegistry } from './registry.ts'

const SUBRESOURCE_VERBS = ['get', 'patch', 'update']

/** Answers `/api`, `/apis`, `/api/v1`, `/apis/G`, `/apis/G/V`; false for any other path. */
export function serveDiscovery(exchange: Exchange, kinds: KindRegistry): boolean {
  const parts = exchange.path.split('/').filter((part) => part !== '')
  const [root, first, second] = parts
  if (root === 'api' && parts.length === 1) return serveRoot(exchange, kinds, true)
  if (root === 'apis' && parts.length === 1) return serveRoot(exchange, kinds, false)
  if (root === 'api' && parts.length === 2) return serveResources(exchange, kinds, '', first)
  if (root === 'apis' && parts.length === 2) return serveGroup(exchange, kinds, first)
  if (root === 'apis' && parts.length === 3) return serveResources(exchange, kinds, first, second)
  return false
}

function serveRoot(exchange: Exchange, kinds: KindRegistry, core: boolean): boolean {
  const range = mediaRanges(exchange.header('accept') ?? '').find(
    ({ type, parameters: { as, g, v } }) =>
      type === 'application/json' &&
      (as === undefined ||
        (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && (v === 'v2' || v === 'v2beta1'))),
  )
  const version = range?.parameters['as'] === undefined ? undefined : range.parameters['v']
  if (version !== undefined) {
    exchange.sendJson(
      200,
      {
        kind: 'APIGroupDiscoveryList',
        apiVersion: `apidiscovery.k8s.io/${version}`,
        metadata: {},
        items: aggregated(kinds, core),
      },
      `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    )
  } else if (core) {
    exchange.sendJson(200, { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] })
  } else {
    const names = [...new Set(kinds.groupVersions().map(({ group }) => group))].filter((group) => group !== '')
    exchange.sendJson(200, {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: names.map((name) => apiGroup(kinds, name)),
    })
  }
  return true
}

function apiGroup(kinds: KindRegistry, group: string): object {
  const versions = kinds
    .groupVersions()
    .filter((gv) => gv.group === group)
    .map(({ version }) => ({ groupVersion: apiVersionOf(group, version), version }))
  return { name: group, versions, preferredVersion: versions[0] }
}

function serveGroup(exchange: Exchange, kinds: KindRegistry, group: string): boolean {
  if (!kinds.groupVersions().some((gv) => gv.group === group)) return false
  exchange.sendJson(200, { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(kinds, group) })
  return true
}

function serveResources(exchange: Exchange, kinds: KindRegistry, group: string, version: string): boolean {
  const targets = kinds.targets(group, version)
  if (targets.length === 0) return false
  exchange.sendJson(200, {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(group, version),
    resources: targets.flatMap(legacyResources),
  })
  return true
}

interface Subresource {
  name: string
  kind: { group: string; version: string; kind: string }
  verbs: readonly string[]
}

function subresources({ kind, version }: Target): Subresource[] {
  const own = { group: kind.group, version: version.version, kind: kind.kind }
  const found: Subresource[] = []
  if (version.status) found.push({ name: 'status', kind: own, verbs: SUBRESOURCE_VERBS })
  for (const [name, sub] of Object.entries(kind.subresources)) {
    if (name === 'scale' && version.scale === undefined) continue
    found.push({
      name,
      kind: { group: sub.group ?? own.group, version: sub.version ?? own.version, kind: sub.kind },
      verbs: sub.verbs,
    })
  }
  return found
}

function legacyResources(target: Target): object[] {
  const { kind } = target
  const { namespaced } = kind
  const main = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced,
    kind: kind.kind,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
  }
  const subs = subresources(target).map(({ name, kind: of, verbs }) => ({
    name: `${kind.plural}/${name}`,
    singularName: '',
    namespaced,
    ...(of.group !== kind.group ? { group: of.group, version: of.version } : {}),
    kind: of.kind,
    verbs,
  }))
  return [main, ...subs]
}

function aggregated(kinds: KindRegistry, core: boolean): object[] {
  const groups = new Map<string, object[]>()
  for (const { group, version } of kinds.groupVersions()) {
    if ((group === '') !== core) continue
    const versions = groups.get(group) ?? []
    groups.set(group, versions)
    versions.push({ version, freshness: 'Current', resources: kinds.targets(group, version).map(aggregatedResource) })
  }
  return [...groups].map(([name, versions]) => ({ metadata: { name }, versions }))
}

function aggregatedResource(target: Target): object {
  const { kind, version } = target
  const subs = subresources(target).map(({ name, kind: responseKind, verbs }) => ({
    subresource: name,
    responseKind,
    verbs,
  }))
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: version.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(subs.length > 0 ? { subresources: subs } : {}),
  }
}
