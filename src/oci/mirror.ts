import type { HostsSource } from './hosts/hosts-dir.ts'
import { type Capability, PLAIN_SERVER, type RegistryHost } from './hosts/hosts-file.ts'
import type { OriginSettings } from './http-transport.ts'
import type { Reference } from './reference.ts'
import { repositoryOf } from './reference.ts'

/** Serves images of one registry (or a part of it) from another place. */
export interface MirrorRule {
  /** `ghcr.io`, `ghcr.io/istio-ecosystem` or `*` for all; the longest that fits is used. */
  readonly prefix: string
  /** `host[:port][/path]`: the repository's path (with its registry's name left out) is appended. */
  readonly endpoint: string
  /** Speak plain HTTP to the endpoint. Otherwise it is TLS, or what a loopback address turns out to speak. */
  readonly plainHttp?: boolean
  /** Do not ask the original registry for what the mirror does not have. */
  readonly exclusive?: boolean
}

/** A place where a repository can be had. */
export interface Endpoint {
  readonly host: string
  readonly repository: string
  readonly plainHttp: boolean
  /** Path of the API: `/v2` as a rule. */
  readonly root: string
  readonly capabilities: ReadonlySet<Capability>
  /** Headers and TLS for this place alone. */
  readonly own: OriginSettings
  /** It is not the registry that the reference names. */
  readonly isMirror: boolean
  /** The registry whose place it takes, where the place serves several (containerd's `ns`). */
  readonly namespace?: string
}

/** Where to ask, in order: the mirror of a rule, containerd's hosts, then the registry itself. */
export function endpointsOf(reference: Reference, rules: readonly MirrorRule[], hosts?: HostsSource): Endpoint[] {
  const rule = longest(repositoryOf(reference), rules)
  const mirrors = rule === undefined ? [] : [fromRule(rule, reference)]
  if (rule?.exclusive) return mirrors
  const configured = hosts?.(reference.registry)
  const places = [...(configured?.hosts ?? []), configured?.server ?? PLAIN_SERVER]
  return [...mirrors, ...places.map((place) => fromHost(place, reference))]
}

function fromRule(rule: MirrorRule, reference: Reference): Endpoint {
  const [host, ...path] = rule.endpoint.replace(/^oci:\/\//, '').split('/')
  const repository = [...path.filter((part) => part !== ''), reference.repository].join('/')
  return { ...PLAIN_SERVER, host, repository, plainHttp: rule.plainHttp ?? false, isMirror: true }
}

function fromHost(place: RegistryHost, { registry, repository }: Reference): Endpoint {
  const origin = apiHost(registry)
  const host = place.host ?? origin
  if (host === origin) return { ...place, host, repository, isMirror: false }
  return { ...place, host, repository, isMirror: true, namespace: registry.replace(/^index\.(?=docker\.io$)/, '') }
}

function longest(repository: string, rules: readonly MirrorRule[]): MirrorRule | undefined {
  let best: MirrorRule | undefined
  for (const rule of rules) {
    const prefix = rule.prefix.replace(/^docker\.io(?=\/|$)/, 'index.docker.io')
    if (prefix !== '*' && repository !== prefix && !repository.startsWith(`${prefix}/`)) continue
    if (best === undefined || rule.prefix.length > best.prefix.length) best = rule
  }
  return best
}

/** Docker Hub's API answers under another name than the one in references. */
function apiHost(registry: string): string {
  return registry === 'index.docker.io' ? 'registry-1.docker.io' : registry
}
