import { isIP } from 'node:net'
import {
  type RateLimit_Action,
  RateLimit_Action_GenericKeySchema,
  type RateLimit_Action_HeaderValueMatch,
  RateLimit_Action_HeaderValueMatchSchema,
  type RateLimit_Action_MetaData,
  type RateLimit_Action_QueryParameterValueMatch,
  RateLimit_Action_QueryParameterValueMatchSchema,
  type RateLimit_Action_RemoteAddressMatch,
  RateLimit_Action_RemoteAddressMatchSchema,
  RateLimit_Action_MetaData_Source as Source,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { MetadataKey } from '../../../gen/envoy/type/metadata/v3/metadata_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { valueAt } from '../../base/value-at.ts'
import { invalid, onlyFields, unsupported, within } from '../config/fields.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { cidrMatch } from '../match/cidr.ts'
import { headerMatch } from '../match/header.ts'
import { decodedQueryParameters, queryMatch } from '../route/route-match.ts'
import { maskedAddress } from './masked-address.ts'

/** Finds one entry of a descriptor. */
export interface Action {
  readonly key: string
  /** Without a value there is no such entry, and a descriptor all the same. */
  readonly optional: boolean
  /** A byte string; undefined: there is none. `cluster` is the name of the proxy's own. */
  value(info: StreamInfo, cluster: string): string | undefined
}

/** Compiles an action (Envoy's `router_ratelimit.cc`). */
export function compileAction({ actionSpecifier: specifier }: RateLimit_Action, path: string): Action {
  const where = `${path}.${specifier.case === undefined ? '' : protoName(specifier.case)}`
  switch (specifier.case) {
    case 'sourceCluster':
      return action('source_cluster', (_, cluster) => byteString(cluster))
    case 'destinationCluster':
      return action('destination_cluster', (info) => byteString(info.routeCluster))
    case 'requestHeaders': {
      const { descriptorKey, headerName, skipIfAbsent } = specifier.value
      const name = headerKey(required(headerName, `${where}.header_name`))
      const key = required(descriptorKey, `${where}.descriptor_key`)
      return action(key, (info) => info.requestHeaders?.get(name), skipIfAbsent)
    }
    case 'queryParameters': {
      const { descriptorKey, queryParameterName, skipIfAbsent } = specifier.value
      const name = byteString(required(queryParameterName, `${where}.query_parameter_name`))
      const key = required(descriptorKey, `${where}.descriptor_key`)
      return action(key, (info) => decodedQueryParameters(path_(info)).get(name), skipIfAbsent)
    }
    case 'remoteAddress':
      return action('remote_address', ({ remoteAddress }) => (isIP(remoteAddress) === 0 ? undefined : remoteAddress))
    case 'maskedRemoteAddress': {
      const v4 = within(specifier.value.v4PrefixMaskLen, 32, 0, 32, `${where}.v4_prefix_mask_len`)
      const v6 = within(specifier.value.v6PrefixMaskLen, 128, 0, 128, `${where}.v6_prefix_mask_len`)
      return action('masked_remote_address', ({ remoteAddress }) => maskedAddress(remoteAddress, v4, v6))
    }
    case 'genericKey': {
      onlyFields(RateLimit_Action_GenericKeySchema, specifier.value, ['descriptor_value', 'descriptor_key'], where)
      const value = required(specifier.value.descriptorValue, `${where}.descriptor_value`)
      return action(specifier.value.descriptorKey || 'generic_key', () => value)
    }
    case 'headerValueMatch':
      return headerValueMatch(specifier.value, where)
    case 'queryParameterValueMatch':
      return queryParameterValueMatch(specifier.value, where)
    case 'remoteAddressMatch':
      return remoteAddressMatch(specifier.value, where)
    case 'dynamicMetadata': {
      const { descriptorKey, metadataKey, defaultValue } = specifier.value
      const { DYNAMIC: source } = Source
      return metadata({ descriptorKey, metadataKey, defaultValue, source, skipIfAbsent: false }, where)
    }
    case 'metadata':
      return metadata(specifier.value, where)
    case 'extension':
      throw unsupported(where, 'actions written as extensions')
    default:
      throw invalid(path, 'an action is missing')
  }
}

function action(key: string, value: Action['value'], optional = false): Action {
  return { key: byteString(key), value, optional }
}

function headerValueMatch(proto: RateLimit_Action_HeaderValueMatch, path: string): Action {
  const fields = ['descriptor_key', 'descriptor_value', 'expect_match', 'headers']
  onlyFields(RateLimit_Action_HeaderValueMatchSchema, proto, fields, path)
  const value = required(proto.descriptorValue, `${path}.descriptor_value`)
  const expected = proto.expectMatch ?? true
  if (proto.headers.length === 0) throw invalid(`${path}.headers`, 'at least one header is needed')
  const all = proto.headers.map((matcher, i) => headerMatch(matcher, `${path}.headers[${i}]`))
  return action(proto.descriptorKey || 'header_match', ({ requestHeaders: headers }) =>
    headers !== undefined && all.every((matches) => matches(headers)) === expected ? value : undefined,
  )
}

function queryParameterValueMatch(proto: RateLimit_Action_QueryParameterValueMatch, path: string): Action {
  const fields = ['descriptor_key', 'descriptor_value', 'expect_match', 'query_parameters']
  onlyFields(RateLimit_Action_QueryParameterValueMatchSchema, proto, fields, path)
  const value = required(proto.descriptorValue, `${path}.descriptor_value`)
  const expected = proto.expectMatch ?? true
  if (proto.queryParameters.length === 0) throw invalid(`${path}.query_parameters`, 'at least one parameter is needed')
  const matches = queryMatch(proto.queryParameters, `${path}.query_parameters`)
  return action(proto.descriptorKey || 'query_match', (info) =>
    matches(decodedQueryParameters(path_(info))) === expected ? value : undefined,
  )
}

function remoteAddressMatch(proto: RateLimit_Action_RemoteAddressMatch, path: string): Action {
  const fields = ['descriptor_key', 'descriptor_value', 'address_matcher']
  onlyFields(RateLimit_Action_RemoteAddressMatchSchema, proto, fields, path)
  const value = required(proto.descriptorValue, `${path}.descriptor_value`)
  const ranges = proto.addressMatcher?.ranges ?? []
  if (ranges.length === 0) throw invalid(`${path}.address_matcher.ranges`, 'at least one range is needed')
  const matches = cidrMatch(ranges, `${path}.address_matcher.ranges`)
  const expected = proto.addressMatcher?.invertMatch !== true
  return action(proto.descriptorKey || 'remote_address_match', ({ remoteAddress }) =>
    isIP(remoteAddress) !== 0 && matches(remoteAddress) === expected ? value : undefined,
  )
}

function metadata(
  proto: Pick<RateLimit_Action_MetaData, 'descriptorKey' | 'metadataKey' | 'defaultValue' | 'source' | 'skipIfAbsent'>,
  path: string,
): Action {
  const { source, skipIfAbsent } = proto
  if (source !== Source.DYNAMIC && source !== Source.ROUTE_ENTRY)
    throw unsupported(`${path}.source`, 'sources other than DYNAMIC and ROUTE_ENTRY')
  const find = metadataValue(proto.metadataKey, `${path}.metadata_key`)
  const key = required(proto.descriptorKey, `${path}.descriptor_key`)
  const absent = proto.defaultValue === '' ? undefined : byteString(proto.defaultValue)
  return action(
    key,
    (info) => {
      const value = find(source === Source.DYNAMIC ? info.dynamicMetadata : info.route?.metadata)
      return typeof value === 'string' && value !== '' ? byteString(value) : absent
    },
    skipIfAbsent,
  )
}

type Namespaces = ReadonlyMap<string, Record<string, unknown>> | Readonly<Record<string, unknown>> | undefined

/** Reads what stands at a place in metadata, dynamic or of the route. */
export function metadataValue(key: MetadataKey | undefined, path: string): (metadata: Namespaces) => unknown {
  const namespace = required(key?.key ?? '', `${path}.key`, false)
  const keys = (key?.path ?? []).map(({ segment }, i) => required(segment.value ?? '', `${path}.path[${i}].key`, false))
  if (keys.length === 0) throw invalid(`${path}.path`, 'at least one key is needed')
  const whole = [namespace, ...keys]
  return (metadata) => (metadata instanceof Map ? valueAt(metadata.get(namespace), keys) : valueAt(metadata, whole))
}

function required(text: string, path: string, bytes = true): string {
  if (text === '') throw invalid(path, 'missing')
  return bytes ? byteString(text) : text
}

function headerKey(name: string): string {
  const lower = name.toLowerCase()
  return lower === 'host' ? ':authority' : lower
}

function path_(info: StreamInfo): string {
  return info.requestHeaders?.get(':path') ?? ''
}

function protoName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
