import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'
import { homeFolder } from '../base/home-folder.ts'
import { messageOf, SluiceError } from '../errors.ts'

/** How to reach an API server, and as whom. */
export interface KubeConfig {
  /** `https://host:port`, no path. */
  readonly server: string
  readonly caPem?: string
  readonly token?: string
  readonly certPem?: string
  readonly keyPem?: string
  readonly insecure?: boolean
  /** The namespace of commands that name none. */
  readonly namespace: string
}

interface Named {
  name: string
  // biome-ignore lint/suspicious/noExplicitAny: the file's own nesting; each field is checked where it is read
  [field: string]: any
}

/**
 * Reads a kubeconfig as kubectl does: the path given, `$KUBECONFIG`, then `~/.kube/config`; in a Pod of a cluster without any of
 * these, its service account.
 */
export function loadKubeConfig(given?: string): KubeConfig {
  const path = given ?? defaultPath()
  if (path === undefined) {
    const inCluster = inClusterConfig()
    if (inCluster !== undefined) return inCluster
    throw new SluiceError('SL6003', 'there is no home folder in which to look for `.kube/config`')
  }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const inCluster = given === undefined ? inClusterConfig() : undefined
    if (inCluster !== undefined) return inCluster
    throw new SluiceError('SL6003', messageOf(error), { cause: error, where: path })
  }
  return parseKubeConfig(text, path)
}

/** Parses the text of a kubeconfig; file references in it are relative to `path`. */
export function parseKubeConfig(text: string, path = 'kubeconfig'): KubeConfig {
  const file = parseYaml(text, path)
  const context = named(file?.contexts, file?.['current-context'], 'context', path)['context']
  const cluster = named(file?.clusters, context.cluster, 'cluster', path)['cluster']
  const user = named(file?.users, context.user, 'user', path)['user'] ?? {}
  if (typeof cluster?.server !== 'string') throw new SluiceError('SL6003', 'the cluster has no server', { where: path })
  return {
    server: cluster.server.replace(/\/$/, ''),
    caPem: pem(cluster, 'certificate-authority', path),
    certPem: pem(user, 'client-certificate', path),
    keyPem: pem(user, 'client-key', path),
    token: user.token,
    insecure: cluster['insecure-skip-tls-verify'] === true,
    namespace: context.namespace ?? 'default',
  }
}

function parseYaml(text: string, path: string): ReturnType<typeof parse> {
  try {
    return parse(text)
  } catch (error) {
    // The lines below the first show the text around the place, where credentials may stand.
    const [problem] = messageOf(error).split('\n')
    throw new SluiceError('SL6003', problem, { cause: error, where: path })
  }
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What a Pod of a cluster is given: its service account's token and the address of the API server in the environment. */
function inClusterConfig(env: NodeJS.ProcessEnv = process.env): KubeConfig | undefined {
  const host = env['KUBERNETES_SERVICE_HOST']
  if (host === undefined) return undefined
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`,
    caPem: readFileSync(join(SERVICE_ACCOUNT, 'ca.crt'), 'utf8'),
    token: readFileSync(join(SERVICE_ACCOUNT, 'token'), 'utf8'),
    namespace: readFileSync(join(SERVICE_ACCOUNT, 'namespace'), 'utf8'),
  }
}

function defaultPath(): string | undefined {
  const listed = process.env['KUBECONFIG']?.split(':').find((path) => path !== '')
  const home = homeFolder()
  return listed ?? (home && join(home, '.kube/config'))
}

function named(list: unknown, name: unknown, what: string, path: string): Named {
  const found = Array.isArray(list) ? (list as Named[]).find((entry) => entry.name === name) : undefined
  if (found === undefined) throw new SluiceError('SL6003', `${what} «${String(name)}» is not in it`, { where: path })
  return found
}

function pem(holder: Record<string, unknown>, field: string, path: string): string | undefined {
  const data = holder[`${field}-data`]
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8')
  const file = holder[field]
  return typeof file === 'string' ? readFileSync(resolve(dirname(path), file), 'utf8') : undefined
}
