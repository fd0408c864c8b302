import type { HeaderMap } from '../../base/header-map.ts'
import type { LoggedStream } from '../host.ts'
import type { AttributeValue } from './value.ts'

/**
 * Attributes of a stream (Envoy's attribute reference). What follows from the headers is answered here; all else the
 * embedder knows. Undefined: not there (yet).
 */
export function httpAttribute(stream: LoggedStream, group: string, name: string): AttributeValue | undefined {
  if (group === 'request' && stream.requestHeaders !== undefined) {
    const own = fromRequest(stream.requestHeaders, name)
    if (own !== undefined) return own
  } else if (group === 'response') {
    const own = fromResponse(stream, name)
    if (own !== undefined) return own
  }
  return stream.attribute(group, name)
}

function fromRequest(headers: HeaderMap, name: string): AttributeValue | undefined {
  switch (name) {
    case 'headers':
      return headers
    case 'path':
      return headers.get(':path')
    case 'url_path':
      return beforeQuery(headers.get(':path'))
    case 'query':
      return query(headers.get(':path'))
    case 'host':
      return headers.get(':authority')
    case 'scheme':
      return headers.get(':scheme')
    case 'method':
      return headers.get(':method')
    case 'referer':
      return headers.get('referer')
    case 'useragent':
      return headers.get('user-agent')
    case 'id':
      return headers.get('x-request-id')
    default:
      return undefined
  }
}

function fromResponse(stream: LoggedStream, name: string): AttributeValue | undefined {
  const headers = stream.responseHeaders
  switch (name) {
    case 'headers':
      return headers
    case 'trailers':
      return stream.responseTrailers
    case 'grpc_status': {
      const status = stream.responseTrailers?.get('grpc-status') ?? headers?.get('grpc-status')
      return status !== undefined && /^\d+$/.test(status) ? Number(status) : undefined
    }
    default:
      return undefined
  }
}

function beforeQuery(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}

/** Without the question mark; empty where there is none. */
function query(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  const start = path.indexOf('?')
  if (start < 0) return ''
  const end = path.indexOf('#', start)
  return end < 0 ? path.slice(start + 1) : path.slice(start + 1, end)
}
