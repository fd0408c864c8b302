const LABEL = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/
const WILDCARD_PREFIX = /^(\*|(\*|\*-)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)$/

/** What is wrong with a host name whose first label may be `*` (agent.ValidateWildcardDomain). */
export function hostProblem(host: string): string | undefined {
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  if (name.length > 255) return `domain name ${JSON.stringify(host)} too long (max 255)`
  if (name === '') return 'empty domain name not allowed'
  const labels = name.split('.')
  const first = labels.shift()!
  if (!WILDCARD_PREFIX.test(first))
    return `domain name ${JSON.stringify(host)} invalid (label ${JSON.stringify(first)} invalid)`
  const wrong = labels.find((label) => !LABEL.test(label) || label.length > 63)
  if (wrong !== undefined) return `domain name ${JSON.stringify(host)} invalid (label ${JSON.stringify(wrong)} invalid)`
  const last = labels.at(-1)
  if (last !== undefined && /^\d+$/.test(last)) {
    return `domain name ${JSON.stringify(host)} invalid (top level domain ${JSON.stringify(last)} cannot be all-numeric)`
  }
  return undefined
}

/** `namespace/host` of a Gateway's server (agent.ValidateNamespaceSlashWildcardHostname). */
export function serverHostProblem(entry: string): string | undefined {
  const slash = entry.indexOf('/')
  if (slash < 0) return shortNameProblem(entry)
  const namespace = entry.slice(0, slash)
  if (namespace === '') return `config namespace and dnsName in host entry cannot be empty`
  const host = entry.slice(slash + 1)
  if (host === '') return `config namespace and dnsName in host entry cannot be empty`
  const isNamespace = namespace === '*' || namespace === '.' || (LABEL.test(namespace) && namespace.length <= 63)
  return isNamespace ? shortNameProblem(host) : `namespace ${JSON.stringify(namespace)} is invalid`
}

function shortNameProblem(host: string): string | undefined {
  if (host !== '*' && !host.includes('.')) {
    return `short names (non FQDN) are not allowed: ${JSON.stringify(host)}`
  }
  return hostProblem(host)
}
