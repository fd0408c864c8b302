import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { homeFolder } from '../base/home-folder.ts'
import { SupplyError } from './supply-error.ts'

/** What proves who asks, for one registry. */
export interface Credential {
  readonly username?: string
  readonly password?: string
  /** An OAuth2 refresh token. */
  readonly identityToken?: string
  /** A bearer token to be sent as it is. */
  readonly registryToken?: string
}

/** Finds the credential for a repository, `host[:port]/path`; undefined means anonymous. */
export type CredentialSource = (repository: string) => Promise<Credential | undefined>

/** For those who must not find the machine's own. */
export const anonymous: CredentialSource = async () => undefined

interface AuthEntry {
  username?: string
  password?: string
  auth?: string
  identitytoken?: string
  registrytoken?: string
}

interface DockerConfig {
  auths?: Record<string, AuthEntry>
  credHelpers?: Record<string, string>
  credsStore?: string
}

/** The content of a `kubernetes.io/dockerconfigjson` secret. No entry for a registry means anonymous; helpers do not run. */
export function fromDockerConfigJson(text: string): CredentialSource {
  const { auths = {} } = parseConfig(text, 'the pull secret')
  return async (repository) => {
    const entry = findEntry(auths, repository)
    return entry === undefined ? undefined : toCredential(entry, repository)
  }
}

/** `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, else podman's auth.json; with credential helpers. */
export function defaultKeychain(env: NodeJS.ProcessEnv = process.env): CredentialSource {
  const home = env['HOME'] || homeFolder()
  const docker = env['DOCKER_CONFIG'] ?? (home && join(home, '.docker'))
  const files = docker === undefined ? [] : [join(docker, 'config.json')]
  if (env['DOCKER_CONFIG'] === undefined) {
    if (env['REGISTRY_AUTH_FILE'] !== undefined) files.push(env['REGISTRY_AUTH_FILE'])
    if (env['XDG_RUNTIME_DIR'] !== undefined) files.push(join(env['XDG_RUNTIME_DIR'], 'containers/auth.json'))
  }
  return async (repository) => {
    const config = await firstConfig(files)
    if (config === undefined) return undefined
    const helper = findEntry(config.credHelpers ?? {}, repository) ?? config.credsStore
    if (helper !== undefined) {
      const found = await askHelper(helper, helperKey(repository), env)
      if (found !== undefined) return found
    }
    const entry = findEntry(config.auths ?? {}, repository)
    return entry === undefined || Object.keys(entry).length === 0 ? undefined : toCredential(entry, repository)
  }
}

async function firstConfig(files: readonly string[]): Promise<DockerConfig | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) return parseConfig(text, file)
  }
  return undefined
}

function parseConfig(text: string, where: string): DockerConfig {
  let config: unknown
  try {
    config = JSON.parse(text)
  } catch {
    // Never the parser's message: it quotes the text.
    throw new SupplyError('SL3020', `${where} is not JSON`)
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new SupplyError('SL3020', `${where} is not a JSON object`)
  }
  for (const field of ['auths', 'credHelpers'] as const) {
    const value = (config as DockerConfig)[field] as unknown
    if (value !== undefined && (typeof value !== 'object' || value === null)) {
      throw new SupplyError('SL3020', `${where}: ${field} is not an object`)
    }
  }
  return config as DockerConfig
}

/** The longest key that covers the repository: host, host/path, with or without scheme, `*` in labels as in Kubernetes. */
function findEntry<T>(entries: Readonly<Record<string, T>>, repository: string): T | undefined {
  let best: { length: number; value: T } | undefined
  for (const [key, value] of Object.entries(entries)) {
    const plain = normaliseKey(key)
    if (covers(plain, repository) && (best === undefined || plain.length > best.length)) {
      best = { length: plain.length, value }
    }
  }
  return best?.value
}

function normaliseKey(key: string): string {
  const plain = key
    .replace(/^https?:\/\//, '')
    .replace(/\/(?:v1|v2)\/?$/, '')
    .replace(/\/+$/, '')
  return plain.replace(/^(?:docker\.io|registry-1\.docker\.io)(?=\/|$)/, 'index.docker.io').toLowerCase()
}

function covers(key: string, repository: string): boolean {
  const [keyHost, ...keyPath] = key.split('/')
  const [host, ...path] = repository.split('/')
  const keyLabels = keyHost.split('.')
  const labels = host.toLowerCase().split('.')
  if (keyLabels.length !== labels.length) return false
  const same = keyLabels.every((label, i) => (label.includes('*') ? glob(label, labels[i]) : label === labels[i]))
  return same && keyPath.every((part, i) => part === path[i])
}

function glob(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^.]*')
  return new RegExp(`^${escaped}$`).test(text)
}

function toCredential(entry: AuthEntry, repository: string): Credential {
  if (typeof entry !== 'object' || entry === null) throw new SupplyError('SL3020', `the entry for ${repository}`)
  let { username, password } = entry
  if (typeof entry.auth === 'string' && entry.auth !== '') {
    const text = Buffer.from(entry.auth, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon < 0)
      throw new SupplyError('SL3020', `«auth» of the entry for ${repository} is not user:password in base64`)
    username = text.slice(0, colon)
    // Docker pads with NUL.
    password = text.slice(colon + 1).replace(/\0+$/, '')
  }
  return {
    ...(username ? { username, password: password ?? '' } : {}),
    ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
    ...(entry.registrytoken ? { registryToken: entry.registrytoken } : {}),
  }
}

function helperKey(repository: string): string {
  const host = repository.split('/')[0]
  return host === 'index.docker.io' ? 'https://index.docker.io/v1/' : host
}

/** The protocol of docker-credential-helpers: the server's name on stdin of `get`, JSON on stdout. */
function askHelper(name: string, server: string, env: NodeJS.ProcessEnv): Promise<Credential | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new SupplyError('SL3020', `«${name}» is no name of a credential helper`)
  return new Promise((resolve, reject) => {
    const child = execFile(`docker-credential-${name}`, ['get'], { env, timeout: 15_000 }, (error, stdout) => {
      if (error !== null) {
        // "credentials not found in native keychain" is the protocol's way to say none.
        if (/credentials not found/i.test(stdout)) return resolve(undefined)
        return reject(new SupplyError('SL3020', `docker-credential-${name} failed for ${server}`))
      }
      try {
        const { Username = '', Secret = '' } = JSON.parse(stdout)
        resolve(Username === '<token>' ? { identityToken: Secret } : { username: Username, password: Secret })
      } catch {
        reject(new SupplyError('SL3020', `docker-credential-${name} gave no JSON for ${server}`))
      }
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(server)
  })
}
