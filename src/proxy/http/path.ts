/** Path normalisation as the connection manager's options ask (RFC 3986 6.2.2; Envoy's path_utility). */
import { HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'

/** What the connection manager says of paths. */
export interface PathOptions {
  readonly normalize: boolean
  readonly mergeSlashes: boolean
  readonly escapedSlashes: EscapedSlashes
}

/** The path that is meant, the one to redirect to, or why it is refused. */
type PathResult = { readonly path: string } | { readonly redirect: string } | { readonly error: string }

/** Cheap test whether anything could need work: nearly every path needs none. */
const SUSPECT = /[%\\"<>^`{|}\x7f-\xff]|\/[./]/

/** What stands in no path (RFC 3986 3.3). Of the others Envoy leaves the brackets. */
const FOREIGN = /["<>^`{|}\x7f-\xff]/g

/** Whether `normalizePath` could change the path or refuse it. */
export function needsNormalizing(path: string): boolean {
  return SUSPECT.test(path)
}

/** The path as routes and filters are to see it; the query stays as it is. */
export function normalizePath(raw: string, options: PathOptions): PathResult {
  const query = raw.search(/[?#]/)
  const rest = query === -1 ? '' : raw.slice(query)
  let path = query === -1 ? raw : raw.slice(0, query)
  let redirect = false
  if (/%2f|%5c/i.test(path)) {
    switch (options.escapedSlashes) {
      case EscapedSlashes.REJECT_REQUEST:
        return { error: 'path_normalization_failed' }
      case EscapedSlashes.UNESCAPE_AND_REDIRECT:
        redirect = true
        path = unescapeSlashes(path)
        break
      case EscapedSlashes.UNESCAPE_AND_FORWARD:
        path = unescapeSlashes(path)
        break
      default:
        break
    }
  }
  if (options.normalize) {
    path = removeDotSegments(decodeUnreserved(path.replace(/\\/g, '/'))).replace(FOREIGN, escaped)
  }
  if (options.mergeSlashes) path = path.replace(/\/{2,}/g, '/')
  return redirect ? { redirect: path + rest } : { path: path + rest }
}

function unescapeSlashes(path: string): string {
  return path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\')
}

/** RFC 3986 6.2.2.2: unreserved characters are not escaped. Other escapes stay in the letters that they came in, as in Envoy. */
function decodeUnreserved(path: string): string {
  return path.replace(/%([0-9a-fA-F]{2})/g, (all, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-._~]/.test(char) ? char : all
  })
}

/** As every other way to write it, so that no rule about paths is passed by with another one. */
function escaped(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`
}

/** RFC 3986 5.2.4: what climbs above the root stays at it. */
function removeDotSegments(path: string): string {
  const output: string[] = []
  const segments = path.split('/')
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]
    const last = i === segments.length - 1
    if (segment === '.') {
      if (last) output.push('')
    } else if (segment === '..') {
      output.pop()
      if (last) output.push('')
    } else {
      output.push(segment)
    }
  }
  return `/${output.join('/')}`
}
