import { type ParsedUrl, parseUrl } from '../schema/cel/url.ts'
import type { Findings } from './findings.ts'

const SCHEMES = new Set(['', 'file', 'http', 'https', 'oci'])

export interface ModuleUrl {
  readonly scheme: string
  /** Of an image: undefined when the url names none. */
  readonly tag: string | undefined
  /** Of an image: sha256 in hexadecimal. */
  readonly digest: string | undefined
}

/** strictParseURL of Istio's validation: a url that does not parse is tried again behind `http://`. Gives undefined for an error. */
export function checkUrl(url: string, field: string, found: Findings): ModuleUrl | undefined {
  if (url === '') {
    found.error(field, 'url field needs to be set')
    return undefined
  }
  const direct = parseUrl(url)
  const parsed = direct ?? parseUrl(`http://${url}`)
  if (parsed === undefined) {
    found.error(field, `failed to parse url: parse ${JSON.stringify(url)}: invalid URI for request`)
    return undefined
  }
  const scheme = direct === undefined ? '' : parsed.scheme
  if (!SCHEMES.has(scheme)) {
    found.error(field, `url contains unsupported scheme: ${scheme}`)
    if (/^[^/]+:\d+\//.test(url)) found.warn(`${field}: a host with a port needs its scheme: oci://${url}`)
    return undefined
  }
  return { scheme, ...versionOf(parsed) }
}

function versionOf({ path }: ParsedUrl): { tag: string | undefined; digest: string | undefined } {
  const [name, digest] = path.split('@', 2)
  const tag = /:([^/:]+)$/.exec(name)?.[1]
  return { tag, digest: digest === undefined ? undefined : /^sha256:([a-f0-9]{64})$/.exec(digest)?.[1] }
}
