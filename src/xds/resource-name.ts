import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Any } from '@bufbuild/protobuf/wkt'

/** Stands for all names of a type. */
export const WILDCARD = '*'

/**
 * The name of an xDS resource without decoding it: every type that Sluice speaks has its name (of a load assignment, its cluster's)
 * in the string field 1. Returns '' for what has none.
 */
export function resourceName(resource: Any): string {
  const reader = new BinaryReader(resource.value)
  let name = ''
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    // The last value counts when a field is repeated on the wire, as for any singular proto3 field.
    if (field === 1 && wireType === WireType.LengthDelimited) name = reader.string()
    else reader.skip(wireType, field)
  }
  return name
}
