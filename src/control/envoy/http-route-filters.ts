import { protoDuration } from '../model/duration.ts'
import type { Config } from './config.ts'
import type { HeaderChanges } from './header-mutation.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of an HTTPRoute that the API server has checked against its CRD
type Part = Record<string, any>

/** What the filter of this type changes of headers. */
export function changes(filters: Part[], type: string, field: string): HeaderChanges | undefined {
  const changed = filters.find((filter) => filter['type'] === type)?.[field]
  if (changed === undefined) return undefined
  const pairs = (list: { name: string; value: string }[] | undefined) =>
    Object.fromEntries((list ?? []).map(({ name, value }) => [name, value]))
  return { set: pairs(changed.set), add: pairs(changed.add), remove: changed.remove }
}

/** The time of a route; 0: none. */
export function timeout(timeouts: Part | undefined): string {
  const text = timeouts?.['request'] ?? timeouts?.['backendRequest']
  return (text === undefined ? undefined : protoDuration(text)) ?? '0s'
}

/** The time of each try, where both times are given. */
export function perTry(timeouts: Part | undefined): Config | undefined {
  const { request, backendRequest } = timeouts ?? {}
  if (request === undefined || backendRequest === undefined) return undefined
  return { per_try_timeout: protoDuration(backendRequest) }
}

/** `URLRewrite` of a path, for what `match` takes. */
export function pathRewrite(path: Part | undefined, match: Part): Config {
  if (path === undefined) return {}
  if (path['type'] === 'ReplaceFullPath') {
    return { regex_rewrite: { pattern: { regex: '/.*' }, substitution: path['replaceFullPath'] } }
  }
  const prefix = (match['path']?.value ?? '/').replace(/\/+$/, '')
  const replacement: string = path['replacePrefixMatch'] ?? ''
  // A plain prefix rewrite would leave "//rest" or "rest" behind where one side ends in a slash.
  if (replacement === '' || replacement === '/') {
    return { regex_rewrite: { pattern: { regex: `^${escapeRegex(prefix)}(/?)(.*)` }, substitution: '/\\2' } }
  }
  return { prefix_rewrite: prefix === '' ? `${replacement.replace(/\/+$/, '')}/` : replacement.replace(/\/+$/, '') }
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

const REDIRECT_CODE: Record<number, string> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
}

/** `RequestRedirect`, for what `match` takes. */
export function redirectAction(redirect: Part, match: Part): Config {
  const path = redirect['path']
  const prefix = (match['path']?.value ?? '/').replace(/\/+$/, '')
  const replacement: string = (path?.replacePrefixMatch ?? '').replace(/\/+$/, '')
  return {
    scheme_redirect: redirect['scheme'],
    host_redirect: redirect['hostname'],
    port_redirect: redirect['port'] ?? defaultPort(redirect['scheme']),
    path_redirect: path?.type === 'ReplaceFullPath' ? path.replaceFullPath : undefined,
    prefix_rewrite:
      path?.type === 'ReplacePrefixMatch' ? (prefix === '' ? `${replacement}/` : replacement || '/') : undefined,
    response_code: REDIRECT_CODE[redirect['statusCode'] ?? 302],
  }
}

/** A redirect to another scheme goes to that scheme's own port, not to the one that was asked. */
function defaultPort(scheme: string | undefined): number | undefined {
  return scheme === 'https' ? 443 : scheme === 'http' ? 80 : undefined
}

/** The part of the requests that `RequestMirror` copies; all where it says none. */
export function mirrorFraction(mirror: Part): Config | undefined {
  const { percent, fraction } = mirror
  if (percent !== undefined) return { default_value: { numerator: percent, denominator: 'HUNDRED' } }
  if (fraction === undefined) return undefined
  const millionths = Math.round((fraction.numerator / (fraction.denominator ?? 100)) * 1_000_000)
  return { default_value: { numerator: millionths, denominator: 'MILLION' } }
}
