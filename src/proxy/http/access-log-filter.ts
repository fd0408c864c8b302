import { performance } from 'node:perf_hooks'
import {
  type AccessLogFilter,
  AccessLogFilterSchema,
  type ComparisonFilter,
  ComparisonFilter_Op as Op,
} from '../../../gen/envoy/config/accesslog/v3/accesslog_pb.ts'
import { ExpressionFilterSchema } from '../../../gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.ts'
import { unpackAs } from '../config/any.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { headerMatch } from '../match/header.ts'
import { fraction } from '../route/route-match.ts'
import type { AttributePlace } from './attributes.ts'
import { celCondition } from './expression.ts'
import { grpcStatus } from './operators/grpc.ts'
import { responseFlagsText, type StreamInfo } from './stream-info.ts'

/** Whether a request is to be logged. */
export type LogFilter = (info: StreamInfo) => boolean

const FIELDS = [
  'status_code_filter',
  'duration_filter',
  'not_health_check_filter',
  'runtime_filter',
  'and_filter',
  'or_filter',
  'header_filter',
  'response_flag_filter',
  'grpc_status_filter',
  'traceable_filter',
  'extension_filter',
]

/** Compiles the condition of an access log or a local reply rule. */
export function logFilter(filter: AccessLogFilter, path: string, place: AttributePlace): LogFilter {
  onlyFields(AccessLogFilterSchema, filter, FIELDS, path)
  const specifier = filter.filterSpecifier
  switch (specifier.case) {
    case 'statusCodeFilter': {
      const compare = comparison(specifier.value.comparison, `${path}.status_code_filter`)
      return (info) => compare(info.responseCode)
    }
    case 'durationFilter': {
      const compare = comparison(specifier.value.comparison, `${path}.duration_filter`)
      return (info) => compare((info.endMono || performance.now()) - info.startMono)
    }
    case 'notHealthCheckFilter':
      return (info) => !info.healthCheck
    case 'traceableFilter':
      return (info) => info.traced
    case 'runtimeFilter': {
      const percent = specifier.value.percentSampled
      const part = percent === undefined ? 0 : fraction(percent)
      return () => Math.random() < part
    }
    case 'andFilter': {
      const all = specifier.value.filters.map((f, i) => logFilter(f, `${path}.and_filter.filters[${i}]`, place))
      return (info) => all.every((one) => one(info))
    }
    case 'orFilter': {
      const all = specifier.value.filters.map((f, i) => logFilter(f, `${path}.or_filter.filters[${i}]`, place))
      return (info) => all.some((one) => one(info))
    }
    case 'headerFilter': {
      if (specifier.value.header === undefined)
        throw invalid(`${path}.header_filter.header`, 'a header matcher is missing')
      const match = headerMatch(specifier.value.header, `${path}.header_filter.header`)
      return (info) => info.requestHeaders !== undefined && match(info.requestHeaders)
    }
    case 'responseFlagFilter': {
      const flags = new Set(specifier.value.flags)
      if (flags.size === 0) return (info) => info.responseFlags !== 0
      return (info) =>
        responseFlagsText(info.responseFlags)
          .split(',')
          .some((flag) => flags.has(flag))
    }
    case 'grpcStatusFilter': {
      const { statuses, exclude } = specifier.value
      return (info) => statuses.some((status) => status === Number(grpcStatus(info) ?? 2)) !== exclude
    }
    case 'extensionFilter': {
      const where = `${path}.extension_filter.typed_config`
      const { expression } = unpackAs(specifier.value.configType.value, ExpressionFilterSchema, where)
      return celCondition(expression, `${where}.expression`, place)
    }
    default:
      throw invalid(path, 'a filter is missing')
  }
}

function comparison(filter: ComparisonFilter | undefined, path: string): (value: number) => boolean {
  const limit = filter?.value?.defaultValue
  if (filter === undefined || limit === undefined) throw invalid(`${path}.comparison`, 'a comparison value is missing')
  switch (filter.op) {
    case Op.EQ:
      return (value) => value === limit
    case Op.GE:
      return (value) => value >= limit
    case Op.LE:
      return (value) => value <= limit
    default:
      throw invalid(`${path}.comparison.op`, 'unknown comparison')
  }
}
