import { lookup } from 'node:dns'
import { isIP } from 'node:net'
import type { ClusterConfig } from './cluster-config.ts'
import type { Endpoint } from './endpoints.ts'

/** Keeps the addresses of named endpoints fresh. STRICT_DNS uses all addresses of each name, LOGICAL_DNS the first. */
export class DnsResolver {
  readonly #config: ClusterConfig
  readonly #endpoints: readonly Endpoint[]
  readonly #changed: (endpoints: readonly Endpoint[]) => void
  readonly #found = new Map<string, readonly string[]>()
  #timer: NodeJS.Timeout | undefined
  #last = ''
  #closed = false

  constructor(
    config: ClusterConfig,
    endpoints: readonly Endpoint[],
    changed: (endpoints: readonly Endpoint[]) => void,
  ) {
    this.#config = config
    this.#endpoints = endpoints
    this.#changed = changed
    // Not within the constructor of the cluster that listens.
    process.nextTick(() => this.#resolveAll())
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #resolveAll(): void {
    if (this.#closed) return
    const names = [...new Set(this.#endpoints.map((endpoint) => endpoint.ip).filter((name) => isIP(name) === 0))]
    let open = names.length
    const finish = () => {
      if (open > 0 || this.#closed) return
      this.#publish()
      this.#timer = setTimeout(() => this.#resolveAll(), this.#config.dnsRefreshMs).unref()
    }
    for (const name of names) {
      lookup(name, { all: true, family: this.#config.dnsFamily }, (error, addresses) => {
        open--
        // A failed look-up keeps what was known: DNS trouble must not empty a cluster.
        if (error === null)
          this.#found.set(
            name,
            addresses.map(({ address }) => address),
          )
        finish()
      })
    }
    finish()
  }

  #publish(): void {
    const endpoints = this.#endpoints.flatMap((endpoint) => {
      const hostname = endpoint.hostname || endpoint.ip
      const all = isIP(endpoint.ip) === 0 ? (this.#found.get(endpoint.ip) ?? []) : [endpoint.ip]
      const used = this.#config.discovery === 'logical_dns' ? all.slice(0, 1) : all
      return used.map((ip) => ({ ...endpoint, ip, hostname }))
    })
    const key = endpoints.map(({ ip, port }) => `${ip}:${port}`).join(' ')
    if (key === this.#last && key !== '') return
    this.#last = key
    this.#changed(endpoints)
  }
}
