/** Operators that read metadata, which is JSON. */
import type { JsonValue } from '@bufbuild/protobuf'
import { byteString } from '../../../base/byte-string.ts'
import { doubleText } from '../../../base/number-text.ts'
import { valueAt } from '../../../base/value-at.ts'
import { invalid } from '../../config/fields.ts'
import type { StreamInfo } from '../stream-info.ts'
import type { FormatContext, Operator } from './operator.ts'

type Find = (info: StreamInfo, keys: readonly string[]) => unknown

/** Whose metadata. */
const KINDS: Readonly<Record<string, Find>> = {
  DYNAMIC: (i, keys) => valueAt(i.dynamicMetadata?.get(keys[0]), keys.slice(1)),
  CLUSTER: (i, keys) => valueAt(i.upstreamHost?.cluster.metadata, keys),
  UPSTREAM_HOST: (i, keys) => valueAt(i.upstreamHost?.metadata, keys),
  VIRTUAL_HOST: (i, keys) => valueAt(i.route?.virtualHostMetadata, keys),
  ROUTE: (i, keys) => valueAt(i.route?.metadata, keys),
}

/** `%METADATA(kind:namespace:key:…)%` */
export function metadataOperator(kind: string, argument: string, path: string, context: FormatContext): Operator {
  const { listenerMetadata } = context
  if (kind === 'LISTENER' && listenerMetadata !== undefined)
    return found(argument, path, (_, keys) => valueAt(listenerMetadata, keys))
  if (!Object.hasOwn(KINDS, kind)) throw invalid(path, `metadata of «${kind}» is not supported here`)
  return found(argument, path, KINDS[kind])
}

function found(argument: string, path: string, find: Find): Operator {
  const keys = argument.split(':')
  if (keys[0] === '') throw invalid(path, 'a metadata operator without a namespace')
  const value = (info: StreamInfo) => find(info, keys) as JsonValue | undefined
  return Object.assign(
    (info: StreamInfo) => {
      const json = value(info)
      if (json === undefined || json === null) return undefined
      return byteString(typeof json === 'string' ? json : valueText(json))
    },
    {
      json: (info: StreamInfo, max?: number) => {
        const json = value(info)
        if (json === undefined || json === null) return undefined
        return byteString(valueText(typeof json === 'string' ? json.slice(0, max) : json))
      },
    },
  )
}

/** JSON as Envoy writes it: fields are sorted, numbers are protobuf's. */
export function valueText(value: JsonValue): string {
  if (typeof value === 'number') return doubleText(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`
  return `{${Object.entries(value)
    .sort(([a], [b]) => (byteString(a) < byteString(b) ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${valueText(item)}`)
    .join(',')}}`
}
