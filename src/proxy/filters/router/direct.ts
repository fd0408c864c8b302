import type { HeaderMap } from '../../../base/header-map.ts'
import type { FilterHandle } from '../../http/filter-handle.ts'
import type { DirectAnswer, RouteEntry } from '../../route/route-entry.ts'

/** Answers for a route that redirects or responds by itself. */
export function answerDirect(callbacks: FilterHandle, route: RouteEntry): void {
  const { status, body, location } = route.settings.direct as DirectAnswer
  const target = location?.(callbacks.stream.info)
  callbacks.sendLocalReply(status, body?.latin1Slice() ?? '', {
    details: 'direct_response',
    ...(target === undefined ? {} : { modifyHeaders: (headers: HeaderMap) => headers.set('location', target) }),
  })
}
