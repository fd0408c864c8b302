import type { ListenerFilter as Proto } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { HttpInspectorSchema } from '../../../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts'
import {
  type ProxyProtocol,
  ProxyProtocolSchema,
} from '../../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts'
import {
  type TlsInspector,
  TlsInspectorSchema,
} from '../../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { unpack } from '../config/any.ts'
import { unsupported } from '../config/fields.ts'
import type { StatsScope } from '../stats/scope.ts'
import { isDisabled } from './filter-disabled.ts'
import { HttpInspectorFilter } from './http-inspector-filter.ts'
import type { ListenerFilter } from './listener-filter.ts'
import { ProxyProtocolFilter } from './proxy-protocol-filter.ts'
import { TlsInspectorFilter } from './tls-inspector.ts'

/** The filters of a listener, in their order. */
export function listenerFilters(
  filters: readonly Proto[],
  ports: readonly number[],
  stats: StatsScope,
  path: string,
): readonly ListenerFilter[] {
  return filters.flatMap(({ configType, filterDisabled }, i) => {
    const where = `${path}[${i}]`
    if (configType.case !== 'typedConfig') throw unsupported(where, 'discovered listener filters')
    const filter = compile(configType.value, stats, where)
    return isDisabled(filterDisabled, ports, `${where}.filter_disabled`) ? [] : [filter]
  })
}

function compile(config: Parameters<typeof unpack>[0], stats: StatsScope, where: string): ListenerFilter {
  const path = `${where}.typed_config`
  const { typeName, message } = unpack(config, path)
  switch (typeName) {
    case TlsInspectorSchema.typeName:
      return new TlsInspectorFilter(message as TlsInspector, stats, path)
    case HttpInspectorSchema.typeName:
      return new HttpInspectorFilter(stats)
    case ProxyProtocolSchema.typeName:
      return new ProxyProtocolFilter(message as ProxyProtocol, stats, path)
    default:
      throw unsupported(where, `listener filter ${typeName}`)
  }
}
