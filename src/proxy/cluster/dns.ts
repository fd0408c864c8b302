import { lookup, type RecordWithTtl, resolve4, resolve6 } from 'node:dns'
import { isIP } from 'node:net'
import type { Endpoint } from './endpoints.ts'

/** When names are looked up again. */
export interface DnsSettings {
  readonly refreshMs: number
  /** After look-ups that failed; each pause in a row may be longer, up to the second number. */
  readonly failureBaseMs: number
  readonly failureMaxMs: number
  /** Ask again when the answer is out of date. */
  readonly respectTtl: boolean
  /** Each is asked for when there is nothing of the one before it. */
  readonly families: readonly (4 | 6)[] | 'both'
}

/** 0: both, IPv4 first. */
type Family = 0 | 4 | 6

/** How names are looked up. */
export interface DnsSource {
  /** As programs of this machine do, its hosts file included; `undefined`: that failed. */
  addresses(name: string, family: Family, done: (found: readonly string[] | undefined) => void): void
  /** For how many seconds the answer holds; 0: nobody knows. */
  ttl(name: string, family: 4 | 6, done: (seconds: number) => void): void
}

const SYSTEM: DnsSource = {
  addresses(name, family, done) {
    lookup(name, { all: true, family, order: 'ipv4first' }, (error, found) => {
      done(error === null ? found.map(({ address }) => address) : undefined)
    })
  },
  // getaddrinfo tells no TTL, so DNS itself is asked for that.
  ttl(name, family, done) {
    const answer = (error: Error | null, records: RecordWithTtl[] | undefined) =>
      done(error === null ? Math.min(...(records ?? []).map((record) => record.ttl)) : 0)
    if (family === 6) resolve6(name, { ttl: true }, answer)
    else resolve4(name, { ttl: true }, answer)
  },
}

/** Keeps the addresses of named endpoints fresh. STRICT_DNS uses all addresses of each name, LOGICAL_DNS the first. */
export class DnsResolver {
  readonly #settings: DnsSettings
  readonly #logical: boolean
  readonly #endpoints: readonly Endpoint[]
  readonly #changed: (endpoints: readonly Endpoint[]) => void
  readonly #source: DnsSource
  readonly #found = new Map<string, readonly string[]>()
  #timer: NodeJS.Timeout | undefined
  #last = ''
  #closed = false
  #failures = 0

  constructor(
    settings: DnsSettings,
    logical: boolean,
    endpoints: readonly Endpoint[],
    changed: (endpoints: readonly Endpoint[]) => void,
    source = SYSTEM,
  ) {
    this.#settings = settings
    this.#logical = logical
    this.#endpoints = endpoints
    this.#changed = changed
    this.#source = source
    // Not within the constructor of the cluster that listens.
    process.nextTick(() => this.#resolveAll())
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #resolveAll(): void {
    if (this.#closed) return
    const { respectTtl } = this.#settings
    const names = [...new Set(this.#endpoints.map((endpoint) => endpoint.ip).filter((name) => isIP(name) === 0))]
    let open = names.length
    let failed = false
    let ttl = Number.POSITIVE_INFINITY
    const finish = () => {
      if (open > 0 || this.#closed) return
      this.#publish()
      this.#timer = setTimeout(() => this.#resolveAll(), this.#pause(failed, ttl)).unref()
    }
    const answered = () => {
      open--
      finish()
    }
    for (const name of names) {
      this.#lookUp(name, 0, (found) => {
        // A failed look-up keeps what was known: DNS trouble must not empty a cluster.
        if (found === undefined) failed = true
        else this.#found.set(name, found)
        if (found === undefined || !respectTtl) answered()
        else
          this.#source.ttl(name, isIP(found[0]) === 6 ? 6 : 4, (seconds) => {
            if (seconds > 0) ttl = Math.min(ttl, seconds)
            answered()
          })
      })
    }
    if (names.length === 0) finish()
  }

  /** Tells nothing found like a failure, as the system does. */
  #lookUp(name: string, index: number, done: (found: readonly string[] | undefined) => void): void {
    const { families } = this.#settings
    const family = families === 'both' ? 0 : families[index]
    this.#source.addresses(name, family, (found) => {
      const next = index + 1
      const nothing = found === undefined || found.length === 0
      if (nothing && families !== 'both' && next < families.length) this.#lookUp(name, next, done)
      else done(nothing ? undefined : found)
    })
  }

  #pause(failed: boolean, ttl: number): number {
    const { refreshMs, failureBaseMs, failureMaxMs } = this.#settings
    if (failed) {
      // Envoy's JitteredExponentialBackOffStrategy.
      const span = Math.min(failureMaxMs, failureBaseMs * 2 ** Math.min(30, this.#failures++))
      return failureBaseMs === failureMaxMs ? failureBaseMs : Math.max(1, Math.random() * span)
    }
    this.#failures = 0
    // What Node cannot wait for (24.8 days) nobody wants to wait for.
    return ttl === Number.POSITIVE_INFINITY ? refreshMs : Math.min(ttl * 1000, 2 ** 31 - 1)
  }

  #publish(): void {
    const endpoints = this.#endpoints.flatMap((endpoint) => {
      const hostname = endpoint.hostname || endpoint.ip
      const all = isIP(endpoint.ip) === 0 ? (this.#found.get(endpoint.ip) ?? []) : [endpoint.ip]
      const used = this.#logical ? all.slice(0, 1) : all
      return used.map((ip) => ({ ...endpoint, ip, hostname }))
    })
    const key = endpoints.map(({ ip, port }) => `${ip}:${port}`).join(' ')
    if (key === this.#last && key !== '') return
    this.#last = key
    this.#changed(endpoints)
  }
}
