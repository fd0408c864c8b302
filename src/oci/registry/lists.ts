import { RegistryError } from './errors.ts'
import type { Exchange } from './exchange.ts'

/** `/v2/<name>/tags/list` (end-8a, end-8b). */
export async function serveTags(exchange: Exchange, name: string): Promise<void> {
  exchange.allow('GET', 'HEAD')
  const tags = await exchange.storage.tags(name)
  if (tags === undefined)
    throw new RegistryError(404, 'NAME_UNKNOWN', 'repository name not known to registry', { name })
  exchange.json({ name, tags: page(exchange, tags, `/v2/${name}/tags/list`) })
}

/** `/v2/_catalog`, which Docker's registry API has and the OCI's has not. */
export async function serveCatalog(exchange: Exchange): Promise<void> {
  exchange.allow('GET', 'HEAD')
  exchange.json({ repositories: page(exchange, await exchange.storage.repositories(), '/v2/_catalog') })
}

/** At most `n` entries after `last`; the next page goes into the Link header (RFC 5988). */
function page(exchange: Exchange, all: readonly string[], path: string): string[] {
  const { query, response } = exchange
  const last = query.get('last')
  const rest = last === null ? [...all] : all.filter((entry) => entry > last)
  const asked = query.get('n')
  if (asked === null) return rest
  const n = Number(asked)
  if (!Number.isSafeInteger(n) || n < 0) throw new RegistryError(400, 'UNSUPPORTED', 'n must be a number')
  const part = rest.slice(0, n)
  if (part.length > 0 && part.length < rest.length) {
    const next = new URLSearchParams({ n: String(n), last: part[part.length - 1] })
    response.setHeader('link', `<${path}?${next}>; rel="next"`)
  }
  return part
}
