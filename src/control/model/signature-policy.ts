import { type KubeObject, keyOf } from '../../kube/index.ts'
import { parseReference, repositoryOf } from '../../oci/index.ts'
import type { SignatureRequirement, Signers } from '../../xds/index.ts'

/** Who must have signed modules, of the mesh or of a namespace. */
export interface SignaturePolicy {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  readonly rules: readonly SignatureRule[]
}

/** One of its rules; undefined: for any image, or any namespace. */
export interface SignatureRule extends Signers {
  readonly prefix: string | undefined
  readonly namespaces: readonly string[] | undefined
  readonly warn: boolean
}

/** Reads a SignaturePolicy as far as the API server lets one pass. */
export function readSignaturePolicy(object: KubeObject): SignaturePolicy {
  const rules: Partial<SignatureRule & { mode: string }>[] = object['spec']?.rules ?? []
  return {
    key: keyOf(object),
    namespace: object.metadata.namespace ?? '',
    rules: rules.map(({ prefix, namespaces, keys = [], keyless = [], mode }) => {
      return { prefix, namespaces, keys, keyless, warn: mode === 'Warn' }
    }),
  }
}

/** What the policies ask of the module at this URL for an extension of this namespace. */
export function requirementsFor(
  policies: readonly SignaturePolicy[],
  namespace: string,
  url: string,
  rootNamespace: string,
): SignatureRequirement[] {
  const inReach = policies.filter((policy) => policy.namespace === rootNamespace || policy.namespace === namespace)
  return inReach.flatMap((policy) =>
    policy.rules
      .filter((rule) => rule.namespaces?.includes(namespace) ?? true)
      .filter((rule) => rule.prefix === undefined || covers(rule.prefix, url))
      .map(({ keys, keyless, warn }) => ({ policy: policy.key, warn, keys, keyless })),
  )
}

function covers(prefix: string, url: string): boolean {
  if (prefix === '*') return true
  const place = placeOf(url)
  // What cannot be read cannot be fetched either; in doubt the rule holds.
  if (place === undefined) return true
  const wanted = canonical(prefix)
  return place === wanted || place.startsWith(`${wanted}/`)
}

/** Host and path that a module comes from; undefined where that cannot be told. */
function placeOf(url: string): string | undefined {
  if (url.startsWith('file://')) return url
  try {
    if (/^https?:\/\//.test(url)) {
      const { host, pathname } = new URL(url)
      // Servers take `%61` for `a` and two slashes for one.
      return canonical(host + decodeURIComponent(pathname).replace(/\/+/g, '/'))
    }
    return canonical(repositoryOf(parseReference(url.replace(/^oci:\/\//, ''))))
  } catch {
    return undefined
  }
}

/** One spelling for one host: another way to write it must not lead around a policy. */
function canonical(place: string): string {
  const slash = place.indexOf('/')
  const host = (slash < 0 ? place : place.slice(0, slash)).toLowerCase().replace(/:443$/, '').replace(/\.$/, '')
  const name = host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host
  return slash < 0 ? name : name + place.slice(slash)
}
