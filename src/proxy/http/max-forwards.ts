import type { HeaderMap } from '../../base/header-map.ts'
import type { HttpStream } from './stream.ts'

/**
 * RFC 9110 7.6.2 of OPTIONS and TRACE: each hop counts `max-forwards` down, and the one that reads 0 answers. Envoy forwards them as they
 * are. Says whether the request goes on.
 */
export function goesOn(stream: HttpStream, headers: HeaderMap): boolean {
  const left = headers.get('max-forwards')
  if (left === undefined || !/^[0-9]{1,9}$/.test(left)) return true
  if (Number(left) > 0) {
    headers.put('max-forwards', String(Number(left) - 1))
    return true
  }
  const details = 'max_forwards_reached'
  // To reflect a request (9.3.8) would show scripts what browsers hide from them.
  if (headers.get(':method') === 'OPTIONS') stream.sendLocalReply(200, '', { details })
  else stream.sendLocalReply(405, '', { details, modifyHeaders: (reply) => reply.add('allow', 'OPTIONS') })
  return false
}
