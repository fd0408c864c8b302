import type { StatsScope } from '../stats/scope.ts'
import { inspectHttp } from './http-inspector.ts'
import type { Found, ListenerFilter } from './listener-filter.ts'

/** `envoy.filters.listener.http_inspector`: which HTTP it is, where it is not TLS. */
export class HttpInspectorFilter implements ListenerFilter {
  readonly #stats

  constructor(stats: StatsScope) {
    const scope = stats.scope('http_inspector.')
    this.#stats = {
      'http/1.0': scope.counter('http10_found'),
      'http/1.1': scope.counter('http11_found'),
      h2c: scope.counter('http2_found'),
      none: scope.counter('http_not_found'),
      'too long': scope.counter('read_error'),
    }
  }

  look(bytes: Buffer, seen: number, found: Found): number | 'more' | 'refused' {
    if (found.transport === 'tls') return 0
    const protocol = inspectHttp(bytes, seen)
    if (protocol === undefined) return 'more'
    this.#stats[protocol].value++
    if (protocol === 'too long') return 'refused'
    if (protocol !== 'none') found.protocols = [protocol]
    return 0
  }
}
