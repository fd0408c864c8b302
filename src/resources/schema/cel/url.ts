export interface ParsedUrl {
  readonly scheme: string
  /** With the port. */
  readonly host: string
  readonly hostname: string
  readonly port: string
  readonly path: string
  readonly query: readonly (readonly [string, string])[]
}

/**
 * Go's url.ParseRequestURI, which `url()` and `isURL()` ask: an absolute URL, or a path that begins with a slash. It is looser than
 * WHATWG's parser in some places and stricter in others, so that one cannot stand in for it.
 */
export function parseUrl(text: string): ParsedUrl | undefined {
  if (text === '' || hasControl(text)) return undefined
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1] ?? ''
  let rest = scheme === '' ? text : text.slice(scheme.length + 1)
  const queryAt = rest.indexOf('?')
  const query = queryAt < 0 ? '' : rest.slice(queryAt + 1)
  if (queryAt >= 0) rest = rest.slice(0, queryAt)
  if (!rest.startsWith('/')) return scheme === '' ? undefined : { ...EMPTY, scheme: scheme.toLowerCase() }
  let authority = ''
  // Without a scheme `//` and `///` begin a path.
  if (rest.startsWith('//') && scheme !== '') {
    const end = rest.indexOf('/', 2)
    authority = rest.slice(2, end < 0 ? undefined : end)
    rest = end < 0 ? '' : rest.slice(end)
  }
  if (hasBadEscape(rest)) return undefined
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const parts = splitHost(host)
  if (parts === undefined || !isUserinfo(authority.slice(0, Math.max(0, authority.lastIndexOf('@'))))) return undefined
  return { scheme: scheme.toLowerCase(), host, ...parts, path: rest, query: [...new URLSearchParams(query)] }
}

const EMPTY: ParsedUrl = { scheme: '', host: '', hostname: '', port: '', path: '', query: [] }

function hasControl(text: string): boolean {
  return [...text].some((c) => c < ' ' || c === '\x7f')
}

function hasBadEscape(text: string): boolean {
  return /%(?![0-9a-fA-F]{2})/.test(text)
}

function isUserinfo(text: string): boolean {
  return /^[\w\-.:~!$&'()*+,;=%@]*$/.test(text) && !hasBadEscape(text)
}

function splitHost(host: string): { hostname: string; port: string } | undefined {
  if (host.startsWith('[')) {
    const match = /^\[([^\]]*)\](?::(\d*))?$/.exec(host)
    return match === null ? undefined : { hostname: match[1], port: match[2] ?? '' }
  }
  const colon = host.lastIndexOf(':')
  const port = colon < 0 ? '' : host.slice(colon + 1)
  const hostname = colon < 0 ? host : host.slice(0, colon)
  // validEncoded of mode encodeHost: no space, quote excepted as Go does, and an escape only for bytes beyond ASCII.
  if (!/^\d*$/.test(port) || /[ ^`{}|\\#%]/.test(hostname.replace(/%[89a-fA-F][0-9a-fA-F]/g, ''))) return undefined
  return { hostname, port }
}
