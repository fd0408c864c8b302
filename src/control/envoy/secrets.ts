import type { Mesh } from '../model/mesh.ts'
import type { Config } from './config.ts'

/**
 * A TLS secret by its SDS name: `kubernetes://name` is looked for in the proxy's own namespace, `kubernetes-gateway://ns/name`
 * where it says; `-cacert` asks for the CA that client certificates are checked against. Undefined when it is not there.
 */
export function tlsSecret(mesh: Mesh, name: string, proxyNamespace: string): Config | undefined {
  const ca = name.endsWith('-cacert')
  const reference = ca ? name.slice(0, -'-cacert'.length) : name
  const path = reference.replace(/^kubernetes(-gateway)?:\/\//, '')
  const key = path.includes('/') ? path : `${proxyNamespace}/${path}`
  const own = mesh.get('secret', ca ? `${key}-cacert` : key) ?? mesh.get('secret', key)
  const data: Record<string, string> = own?.['data'] ?? {}
  if (ca) {
    const bundle = data['ca.crt'] ?? data['cacert']
    return bundle === undefined ? undefined : { name, validation_context: { trusted_ca: { inline_bytes: bundle } } }
  }
  const certificate = data['tls.crt'] ?? data['cert']
  const privateKey = data['tls.key'] ?? data['key']
  if (certificate === undefined || privateKey === undefined) return undefined
  return {
    name,
    tls_certificate: { certificate_chain: { inline_bytes: certificate }, private_key: { inline_bytes: privateKey } },
  }
}
