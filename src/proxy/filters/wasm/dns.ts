/** DNS for extensions: by c-ares, as in Envoy, since getaddrinfo runs on the few threads that the proxy needs for its own names. */
import { type RecordWithTtl, Resolver } from 'node:dns'
import { isIP } from 'node:net'
import type { Callout, ResolvedAddress } from '../../../wasm/index.ts'

/** Each name server is asked twice. */
const OPTIONS = { timeout: 2500, tries: 2 }

/** Errors that say that there is nothing, not that nobody knows. */
const EMPTY = new Set(['ENOTFOUND', 'ENODATA'])

type Done = (found: readonly ResolvedAddress[] | undefined) => void

/** IPv6 addresses, else IPv4 ones (Envoy's DnsLookupFamily::Auto); undefined where that failed. `servers` are for tests. */
export function resolveDns(name: string, done: Done, servers?: readonly string[]): Callout {
  const family = isIP(name)
  if (family !== 0) {
    const timer = setImmediate(() => done([{ address: written(name), ttl: 0 }]))
    return { cancel: () => clearImmediate(timer) }
  }
  // One for each name: it can only be cancelled as a whole.
  const resolver = new Resolver(OPTIONS)
  if (servers !== undefined) resolver.setServers(servers)
  const finish = (error: NodeJS.ErrnoException | null, records: readonly RecordWithTtl[] | undefined) => {
    if (error === null) done((records ?? []).map(({ address, ttl }) => ({ address: written(address), ttl })))
    else if (error.code !== 'ECANCELLED') done(EMPTY.has(error.code ?? '') ? [] : undefined)
  }
  resolver.resolve6(name, { ttl: true }, (error, records) => {
    if (error?.code === 'ECANCELLED') return
    if (error === null && records.length > 0) finish(null, records)
    else resolver.resolve4(name, { ttl: true }, finish)
  })
  return { cancel: () => resolver.cancel() }
}

/** Envoy's addresses have a port. */
function written(address: string): string {
  return address.includes(':') ? `[${address}]:0` : `${address}:0`
}
