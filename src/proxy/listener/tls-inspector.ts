import {
  type TlsInspector,
  TlsInspectorSchema,
} from '../../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { onlyFields, within } from '../config/fields.ts'
import type { StatsScope } from '../stats/scope.ts'
import { readClientHello } from './client-hello.ts'
import type { Found, ListenerFilter } from './listener-filter.ts'

/** `envoy.filters.listener.tls_inspector`: whether it is TLS, for which server and by which protocols. */
export class TlsInspectorFilter implements ListenerFilter {
  readonly #stats

  constructor(config: TlsInspector, stats: StatsScope, path: string) {
    onlyFields(TlsInspectorSchema, config, ['initial_read_buffer_size'], path)
    within(config.initialReadBufferSize, 0, 256, 65_536, `${path}.initial_read_buffer_size`)
    const scope = stats.scope('tls_inspector.')
    this.#stats = {
      tooLarge: scope.counter('client_hello_too_large'),
      tls: scope.counter('tls_found'),
      noTls: scope.counter('tls_not_found'),
      name: scope.counter('sni_found'),
      noName: scope.counter('sni_not_found'),
      protocols: scope.counter('alpn_found'),
      noProtocols: scope.counter('alpn_not_found'),
    }
  }

  look(bytes: Buffer, _seen: number, found: Found): number | 'more' | 'refused' {
    const hello = readClientHello(bytes)
    if (hello === undefined) return 'more'
    const stats = this.#stats
    if (hello === 'too large') {
      stats.tooLarge.value++
      return 'refused'
    }
    if (hello === null) {
      stats.noTls.value++
      return 0
    }
    stats.tls.value++
    if (hello.serverName === '') stats.noName.value++
    else stats.name.value++
    if (hello.protocols.length === 0) stats.noProtocols.value++
    else stats.protocols.value++
    found.serverName = hello.serverName
    found.protocols = hello.protocols
    found.transport = 'tls'
    return 0
  }
}
