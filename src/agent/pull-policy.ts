import type { ModuleUrl } from './module-url.ts'

/** When a module that is in the cache is asked for again. */
export type PullPolicy = 'IfNotPresent' | 'Always'

/** The value of `ISTIO_META_WASM_IMAGE_PULL_POLICY`; what is unknown counts as unspecified (Istio). */
export function parsePullPolicy(value: string | undefined): PullPolicy | undefined {
  return value === 'IfNotPresent' || value === 'Always' ? value : undefined
}

/**
 * Whether a module that was pulled for this URL before may be used without asking again.
 *
 * As documented: IfNotPresent, except that an image of the tag `latest` is pulled always, "mirroring K8s behavior". Kubernetes counts
 * an image without any tag as `latest`; Istio only looks for the suffix `:latest` and so takes such an image for
 * IfNotPresent, which is not copied here.
 *
 * "Always" means once per change of the resource: the same resource version is never pulled twice.
 */
export function mayReuse(
  url: ModuleUrl,
  policy: PullPolicy | undefined,
  pulledFor: string | undefined,
  resourceVersion: string,
): boolean {
  return effectivePolicy(url, policy) === 'IfNotPresent' || (pulledFor !== undefined && pulledFor === resourceVersion)
}

function effectivePolicy(url: ModuleUrl, policy: PullPolicy | undefined): PullPolicy {
  if (policy !== undefined) return policy
  if (url.scheme !== 'oci' || url.reference.digest !== undefined) return 'IfNotPresent'
  return (url.reference.tag ?? 'latest') === 'latest' ? 'Always' : 'IfNotPresent'
}
