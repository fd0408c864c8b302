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
  /** Set when it is not the registry that the reference names. */
  readonly mirror?: MirrorRule
}

/** Where to ask, in order: the mirror, then the registry itself. */
export function endpointsOf(reference: Reference, rules: readonly MirrorRule[]): Endpoint[] {
  const origin: Endpoint = { host: apiHost(reference.registry), repository: reference.repository, plainHttp: false }
  const rule = longest(repositoryOf(reference), rules)
  if (rule === undefined) return [origin]
  const [host, ...path] = rule.endpoint.replace(/^oci:\/\//, '').split('/')
  const repository = [...path.filter((part) => part !== ''), reference.repository].join('/')
  const mirror: Endpoint = { host, repository, plainHttp: rule.plainHttp ?? false, mirror: rule }
  return rule.exclusive ? [mirror] : [mirror, origin]
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
