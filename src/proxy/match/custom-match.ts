import { type Ip, IpSchema } from '../../../gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.ts'
import type { TypedExtensionConfig } from '../../../gen/xds/core/v3/extension_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid, unsupported } from '../config/fields.ts'
import { cidrMatch } from './cidr.ts'
import type { TextMatch } from './string.ts'

/** A `custom_match` of a predicate: of Envoy's there is that of addresses. */
export function customMatch(config: TypedExtensionConfig, path: string): TextMatch {
  const where = `${path}.typed_config`
  const { typeName, message } = unpack(config.typedConfig, where)
  if (typeName !== IpSchema.typeName) throw unsupported(where, `matcher ${typeName}`)
  const { cidrRanges, statPrefix } = message as Ip
  if (cidrRanges.length === 0) throw invalid(`${where}.cidr_ranges`, 'is empty')
  // Envoy asks for it, and counts what is no address below it: here no input of addresses gives such.
  if (statPrefix === '') throw invalid(`${where}.stat_prefix`, 'is missing')
  return cidrMatch(cidrRanges, `${where}.cidr_ranges`)
}
