import { validateHeaderName, validateHeaderValue } from 'node:http'
import { parseToml, TomlError, TomlTable, type TomlValue } from '../../base/toml.ts'
import { messageOf } from '../../errors.ts'
import type { OriginSettings } from '../http-transport.ts'
import { SupplyError } from '../supply-error.ts'
import { type CertificatePair, readAuthority, readPair } from './certificates.ts'

/** What containerd calls a host's capabilities: content by digest, tags to digests, writing. */
export type Capability = 'pull' | 'resolve' | 'push'

const CAPABILITIES: readonly string[] = ['pull', 'resolve', 'push'] satisfies Capability[]

const ALL_CAPABILITIES: ReadonlySet<Capability> = new Set(['pull', 'resolve', 'push'])

/** A place that serves a registry's images. */
export interface RegistryHost {
  /** `host[:port]`; undefined is the registry itself, where nothing else is said. */
  readonly host: string | undefined
  readonly plainHttp: boolean
  /** Path of the API, without a slash at its end; `/v2` as a rule. */
  readonly root: string
  readonly capabilities: ReadonlySet<Capability>
  readonly own: OriginSettings
}

/** Where to ask for a registry's images: the hosts in their order, then the server. */
export interface RegistryHosts {
  readonly hosts: readonly RegistryHost[]
  readonly server: RegistryHost
}

/** What a registry is without any settings. */
export const PLAIN_SERVER: RegistryHost = {
  host: undefined,
  plainHttp: false,
  root: '/v2',
  capabilities: ALL_CAPABILITIES,
  own: {},
}

/**
 * Reads containerd's hosts.toml. Paths in it are relative to `dir`, where it stands. What containerd does not know or Sluice does not do
 * is refused with file, line and key: a misspelt `ca` must not mean "no CA".
 */
export function parseHostsFile(text: string, file: string, dir: string): RegistryHosts {
  try {
    return new HostsFile(parseToml(text), file, dir).read()
  } catch (error) {
    if (error instanceof TomlError) throw new SupplyError('SL3032', `${file}: ${error.message}`, { cause: error })
    throw error
  }
}

class HostsFile {
  readonly #root: TomlTable
  readonly #file: string
  readonly #dir: string

  constructor(root: TomlTable, file: string, dir: string) {
    this.#root = root
    this.#file = file
    this.#dir = dir
  }

  read(): RegistryHosts {
    const server = new Settings(this.#root, '', this.#fail, ['server', 'host'])
    const hosts: RegistryHost[] = []
    const table = this.#root.get('host')
    if (table !== undefined && !(table.value instanceof TomlTable)) throw this.#fail(table.line, 'host', 'is no table')
    for (const [name, { value, line }] of (table?.value as TomlTable | undefined) ?? []) {
      const key = `host.${JSON.stringify(name)}`
      if (!(value instanceof TomlTable)) throw this.#fail(line, key, 'is no table')
      hosts.push(this.#host(name, line, key, new Settings(value, `${key}.`, this.#fail)))
    }
    const own = server.text('server') ?? ''
    // A server without a scheme is asked by TLS.
    const url = own === '' || own.includes('://') ? own : `https://${own}`
    return { hosts, server: this.#host(url, this.#root.get('server')?.line ?? 1, 'server', server) }
  }

  #host(url: string, line: number, key: string, settings: Settings): RegistryHost {
    const place = url === '' ? PLAIN_SERVER : this.#place(url, line, key, settings.flag('override_path'))
    const names = settings.texts('capabilities')
    const unknown = names.find((name) => !CAPABILITIES.includes(name))
    if (unknown !== undefined) throw settings.fail('capabilities', `knows pull, resolve and push, not «${unknown}»`)
    return {
      ...place,
      capabilities: names.length === 0 ? ALL_CAPABILITIES : new Set(names as Capability[]),
      own: { headers: settings.headers(), tls: settings.tls(this.#dir) },
    }
  }

  /** Without `override_path` the API is below the URL's path, at /v2, which may be written out. */
  #place(text: string, line: number, key: string, override: boolean) {
    const url = URL.parse(text)
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
      throw this.#fail(line, key, 'must be https://host[:port][/path] or http://…')
    }
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw this.#fail(line, key, 'may have no user, password, query or fragment')
    }
    const path = url.pathname.replace(/\/+$/, '')
    const root = override || path.endsWith('/v2') ? path : `${path}/v2`
    return { host: url.host, plainHttp: url.protocol === 'http:', root }
  }

  readonly #fail = (line: number, key: string, what: string): SupplyError =>
    new SupplyError('SL3032', `${this.#file}: line ${line}: ${key} ${what}`)
}

const KEYS = ['capabilities', 'ca', 'client', 'skip_verify', 'override_path', 'header']

/** The settings of one host, read with the place of each. */
class Settings {
  readonly #table: TomlTable
  readonly #prefix: string
  readonly #failAt: (line: number, key: string, what: string) => SupplyError

  constructor(
    table: TomlTable,
    prefix: string,
    failAt: (line: number, key: string, what: string) => SupplyError,
    more: readonly string[] = [],
  ) {
    this.#table = table
    this.#prefix = prefix
    this.#failAt = failAt
    for (const [key, { line }] of table) {
      if (!KEYS.includes(key) && !more.includes(key)) throw failAt(line, `${prefix}${key}`, 'is not supported')
    }
  }

  fail(key: string, what: string): SupplyError {
    return this.#failAt(this.#table.get(key)?.line ?? 1, `${this.#prefix}${key}`, what)
  }

  text(key: string): string | undefined {
    const value = this.#value(key)
    if (value === undefined || typeof value === 'string') return value
    throw this.fail(key, 'must be a string')
  }

  flag(key: string): boolean {
    const value = this.#value(key) ?? false
    if (typeof value !== 'boolean') throw this.fail(key, 'must be true or false')
    return value
  }

  /** A string, or a list of them. */
  texts(key: string): string[] {
    const value = this.#value(key) ?? []
    const list = typeof value === 'string' ? [value] : value
    if (!isTexts(list)) throw this.fail(key, 'must be a string or a list of strings')
    return list
  }

  headers(): Record<string, string[]> {
    const table = this.#value('header') ?? new TomlTable()
    if (!(table instanceof TomlTable)) throw this.fail('header', 'must be a table')
    const headers: Record<string, string[]> = {}
    for (const [name, { value, line }] of table) {
      const key = `${this.#prefix}header.${name}`
      const values = typeof value === 'string' ? [value] : value
      if (!isTexts(values)) throw this.#failAt(line, key, 'must be a string or a list of strings')
      if (/^(?:host|content-length|transfer-encoding|connection)$/i.test(name)) {
        throw this.#failAt(line, key, 'is not for settings')
      }
      try {
        validateHeaderName(name)
        for (const one of values) validateHeaderValue(name, one)
      } catch {
        // Never the value: it may be a credential.
        throw this.#failAt(line, key, 'is no header that can be sent')
      }
      headers[name.toLowerCase()] = values
    }
    return headers
  }

  tls(dir: string) {
    const ca = this.texts('ca').map((path) => this.#file('ca', () => readAuthority(path, dir)))
    return { ca, certificates: this.#client(dir), insecure: this.flag('skip_verify') }
  }

  /** `"both.pem"`, or a list of such and of `["cert", "key"]`. */
  #client(dir: string): CertificatePair[] {
    const value = this.#value('client') ?? []
    const list = typeof value === 'string' ? [value] : value
    const pairs = Array.isArray(list) ? list.map((one: TomlValue) => (typeof one === 'string' ? [one] : one)) : [list]
    return pairs.map((pair) => {
      if (!isTexts(pair) || pair.length < 1 || pair.length > 2) {
        throw this.fail('client', 'must be a file, or a list of files and of pairs [certificate, key]')
      }
      return this.#file('client', () => readPair(pair[0], pair[1] || pair[0], dir))
    })
  }

  #file<T>(key: string, read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw this.fail(key, messageOf(error))
    }
  }

  #value(key: string): TomlValue | undefined {
    return this.#table.get(key)?.value
  }
}

function isTexts(value: TomlValue): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
