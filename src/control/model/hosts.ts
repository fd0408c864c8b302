/** Names of services and hosts, with Istio's rules. */

/** `productpage` in namespace `default` to `productpage.default.svc.cluster.local`; names with a dot and wildcards stay. */
export function fqdn(host: string, namespace: string, clusterDomain: string): string {
  if (host.includes('.') || host.includes('*')) return host
  return `${host}.${namespace}.svc.${clusterDomain}`
}

/** `outbound|9080||productpage.default.svc.cluster.local`: Istio's name of a cluster. */
export function clusterName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`
}

/** Whether `host` (maybe a wildcard itself) lies within `pattern` (`*`, `*.suffix`, or a name). */
function hostWithin(host: string, pattern: string): boolean {
  if (pattern === '*' || pattern === host) return true
  if (!pattern.startsWith('*')) return false
  const tail = host.startsWith('*') ? host.slice(1) : host
  return tail.endsWith(pattern.slice(1)) && tail.length >= pattern.length - 1
}

/** The narrower of two hosts that overlap; undefined when they do not. */
export function intersectHosts(a: string, b: string): string | undefined {
  if (hostWithin(a, b)) return a
  if (hostWithin(b, a)) return b
  return undefined
}
