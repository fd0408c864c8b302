import {
  type CustomTag_Metadata,
  type CustomTag as CustomTagProto,
  CustomTagSchema,
} from '../../../gen/envoy/type/tracing/v3/custom_tag_pb.ts'
import { textOf } from '../../base/byte-string.ts'
import { valueAt } from '../../base/value-at.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import type { StreamInfo } from '../http/stream-info.ts'

/** A configured tag; no value, no tag. */
export interface CustomTag {
  readonly name: string
  value(info: StreamInfo): string
}

/** Compiles `custom_tags`. */
export function customTags(protos: readonly CustomTagProto[], path: string): CustomTag[] {
  return protos.map((proto, i) => customTag(proto, `${path}[${i}]`))
}

function customTag(proto: CustomTagProto, path: string): CustomTag {
  onlyFields(CustomTagSchema, proto, ['tag', 'literal', 'environment', 'request_header', 'metadata'], path)
  if (proto.tag === '') throw invalid(`${path}.tag`, 'a tag name is missing')
  const { type } = proto
  switch (type.case) {
    case 'literal': {
      const { value } = type.value
      return { name: proto.tag, value: () => value }
    }
    case 'environment': {
      const value = process.env[type.value.name] ?? type.value.defaultValue
      return { name: proto.tag, value: () => value }
    }
    case 'requestHeader': {
      const { defaultValue } = type.value
      const name = type.value.name.toLowerCase()
      return { name: proto.tag, value: (info) => textOf(info.requestHeaders?.get(name) ?? defaultValue) }
    }
    case 'metadata':
      return { name: proto.tag, value: metadataValue(type.value, `${path}.metadata`) }
    default:
      throw invalid(path, 'one of literal, environment, request_header and metadata is needed')
  }
}

function metadataValue(proto: CustomTag_Metadata, path: string): (info: StreamInfo) => string {
  const { defaultValue } = proto
  const kind = proto.kind?.kind.case
  const key = proto.metadataKey
  if (kind === undefined) throw invalid(`${path}.kind`, 'a kind is missing')
  if (key === undefined || key.key === '') throw invalid(`${path}.metadata_key`, 'a key is missing')
  const steps = key.path.map(({ segment }) => segment.value ?? '')
  const source = (info: StreamInfo): unknown => {
    switch (kind) {
      case 'request':
        return info.dynamicMetadata?.get(key.key)
      case 'route':
        return info.route?.metadata[key.key]
      case 'cluster':
        return info.upstreamHost?.cluster.metadata[key.key]
      case 'host':
        return info.upstreamHost?.metadata[key.key]
    }
  }
  return (info) => {
    const value = valueAt(source(info), steps)
    if (value === undefined || value === null) return defaultValue
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
}
