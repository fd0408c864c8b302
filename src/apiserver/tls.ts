/** A CA, a server certificate and an admin's client certificate, kept so that a kubeconfig outlives a restart. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

export interface Credentials {
  readonly caPem: string
  readonly certPem: string
  readonly keyPem: string
  readonly clientCertPem: string
  readonly clientKeyPem: string
  readonly token: string
  /** Names in the server certificate; another set needs another certificate. */
  readonly names: readonly string[]
  readonly caKeyPem: string
}

/** As a cluster's API server is named, so that clients inside and outside find what they expect. */
function serverNames(host: string): string[] {
  return [
    ...new Set([
      'localhost',
      '127.0.0.1',
      '::1',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      hostname().toLowerCase(),
      host,
    ]),
  ].filter((name) => name !== '0.0.0.0' && name !== '::')
}

export async function credentials(dataDir: string, host: string): Promise<Credentials> {
  const file = join(dataDir, 'credentials.json')
  const names = serverNames(host)
  let known: Credentials | undefined
  if (dataDir !== ':memory:' && existsSync(file)) {
    known = JSON.parse(readFileSync(file, 'utf8')) as Credentials
    if (names.every((name) => known?.names.includes(name))) return known
  }
  // Loaded only to issue: what writes certificates is larger than the rest of the API server's TLS.
  const { makeCredentials } = await import('./certificates.ts')
  const made = await makeCredentials(names, known)
  // Holds the CA's key and the admin's: for the owner only.
  if (dataDir !== ':memory:') writeFileSync(file, JSON.stringify(made), { mode: 0o600 })
  return made
}
