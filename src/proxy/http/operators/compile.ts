import { byteString } from '../../../base/byte-string.ts'
import { invalid } from '../../config/fields.ts'
import { printableQueryParameters } from '../../route/route-match.ts'
import { formatLocalTime, formatTime } from '../format-time.ts'
import type { StreamInfo } from '../stream-info.ts'
import { coalesce } from './coalesce.ts'
import { commonDuration } from './common-duration.ts'
import { grpcOperator } from './grpc.ts'
import { headerOperator, pathOperator, queryOperator, serverNameOperator, withoutQuery } from './headers.ts'
import { maskedOperator } from './masked.ts'
import { metadataOperator } from './metadata.ts'
import type { FormatContext, Operator } from './operator.ts'
import { PLAIN_OPERATORS } from './plain.ts'
import { validityOperator } from './tls.ts'

/** The operators whose length can be bounded; to Envoy it is an error of the others. */
const LENGTHS = new Set([
  'REQ',
  'REQUEST_HEADER',
  'RESP',
  'RESPONSE_HEADER',
  'TRAILER',
  'RESPONSE_TRAILER',
  'REQ_WITHOUT_QUERY',
  'DYNAMIC_METADATA',
  'METADATA',
  'FILTER_STATE',
  'QUERY_PARAM',
  'PATH',
  'ENVIRONMENT',
  'QUERY_PARAMS',
  'UPSTREAM_FILTER_STATE',
  'COALESCE',
])

/** An operator with what stands in its parentheses and behind its colon. */
export function compileOperator(
  name: string,
  argument: string | undefined,
  limit: number | undefined,
  path: string,
  context: FormatContext,
): Operator {
  if (limit !== undefined && !LENGTHS.has(name)) throw invalid(path, `%${name}% takes no length`)
  return limited(operator(name, argument, path, context), limit)
}

function limited(op: Operator, max: number | undefined): Operator {
  if (max === undefined) return op
  const cut: Operator = (info) => {
    const value = op(info)
    return value === undefined ? undefined : String(value).slice(0, max)
  }
  // In JSON only what is a string has a length.
  return op.json === undefined ? cut : Object.assign(cut, { json: (info: StreamInfo) => op.json?.(info, max) })
}

function operator(name: string, argument: string | undefined, path: string, context: FormatContext): Operator {
  const plain = argument === undefined && Object.hasOwn(PLAIN_OPERATORS, name) ? PLAIN_OPERATORS[name] : undefined
  if (plain !== undefined) return plain
  const address = argument === undefined ? undefined : maskedOperator(name, argument, path)
  if (address !== undefined) return address
  const validity = validityOperator(name, argument ?? '')
  if (validity !== undefined) return validity
  switch (name) {
    case 'START_TIME': {
      const format = byteString(argument ?? '')
      return (i) => formatTime(i.startTime, format)
    }
    case 'EMIT_TIME': {
      const format = byteString(argument ?? '')
      return () => formatTime(Date.now(), format)
    }
    case 'START_TIME_LOCAL': {
      const format = byteString(argument ?? '')
      return (i) => formatLocalTime(i.startTime, format)
    }
    case 'EMIT_TIME_LOCAL': {
      const format = byteString(argument ?? '')
      return () => formatLocalTime(Date.now(), format)
    }
    case 'COMMON_DURATION':
      return commonDuration(argument, path)
    case 'COALESCE':
      return coalesce(argument, path, (name, argument, limit) => compileOperator(name, argument, limit, path, context))
    case 'REQUESTED_SERVER_NAME':
      return serverNameOperator(argument ?? '', path)
    case 'REQ':
    case 'REQUEST_HEADER':
      return headerOperator(argument, path, (i) => i.requestHeaders)
    case 'REQ_WITHOUT_QUERY': {
      const header = headerOperator(argument, path, (i) => i.requestHeaders)
      return (i) => withoutQuery(header(i))
    }
    case 'PATH':
      return pathOperator(argument ?? '', path)
    case 'QUERY_PARAM': {
      if (!argument) throw invalid(path, 'a query parameter without a name')
      const name = byteString(argument)
      return (i) => printableQueryParameters(i.requestHeaders?.get(':path') ?? '').get(name)
    }
    case 'QUERY_PARAMS':
      return queryOperator(argument, path)
    case 'RESP':
    case 'RESPONSE_HEADER':
      return headerOperator(argument, path, (i) => i.responseHeaders)
    case 'TRAILER':
    case 'RESPONSE_TRAILER':
      return headerOperator(argument, path, (i) => i.responseTrailers)
    case 'GRPC_STATUS':
      return grpcOperator(argument ?? 'CAMEL_STRING', path)
    case 'DYNAMIC_METADATA':
      return metadataOperator('DYNAMIC', argument ?? '', path, context)
    case 'CLUSTER_METADATA':
      return metadataOperator('CLUSTER', argument ?? '', path, context)
    case 'UPSTREAM_METADATA':
      return metadataOperator('UPSTREAM_HOST', argument ?? '', path, context)
    case 'METADATA': {
      const [kind, ...rest] = (argument ?? '').split(':')
      return metadataOperator(kind, rest.join(':'), path, context)
    }
    // Only filters of upstream connections write it, and there are none.
    case 'UPSTREAM_FILTER_STATE':
      filterStateKey(argument, path)
      return () => undefined
    case 'FILTER_STATE': {
      const key = filterStateKey(argument, path)
      return (i) => i.filterState?.get(key)?.latin1Slice()
    }
    case 'ENVIRONMENT': {
      if (argument === undefined) throw invalid(path, 'an environment variable without a name')
      const value = process.env[argument]
      // As Envoy: one that is not set is a dash, also where empty values are left out.
      const bytes = value === undefined ? '-' : byteString(value)
      return () => bytes
    }
    case 'LOCAL_REPLY_BODY': {
      if (argument !== undefined) break
      const body = context.localReplyBody
      return body ?? (() => '')
    }
  }
  throw invalid(path, `operator %${name}${argument === undefined ? '' : `(${argument})`}% is not supported`)
}

function filterStateKey(argument: string | undefined, path: string): string {
  const [key, kind = 'TYPED'] = (argument ?? '').split(':')
  if (key === '') throw invalid(path, 'a filter state without a key')
  if (kind !== 'PLAIN' && kind !== 'TYPED') throw invalid(path, `${kind} of a filter state is neither PLAIN nor TYPED`)
  return key
}
