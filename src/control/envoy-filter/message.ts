import { fromJson, type JsonValue, mergeFromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { SluiceError } from '../../errors.ts'
import { registry } from '../../xds/index.ts'
import type { Config } from '../envoy/config.ts'

const JSON_OUT = { registry, useProtoFieldName: true } as const

function schemaOf(type: string) {
  const schema = registry.getMessage(type)
  if (schema === undefined) throw new SluiceError('SL2001', `the type ${type} is not known`)
  return schema
}

/** The value in Envoy's own spelling, whichever of the two JSON spellings it came in; refuses what the type does not have. */
export function normalise(type: string, value: unknown): Config {
  const schema = schemaOf(type)
  try {
    return toJson(schema, fromJson(schema, value as JsonValue, { registry }), JSON_OUT) as Config
  } catch (error) {
    throw new SluiceError('SL2001', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Protobuf's merge: scalars are replaced, messages merged, lists appended, and a oneof keeps its last member. */
export function mergeMessage(type: string, base: Config, patch: Config): Config {
  const schema = schemaOf(type)
  const message = fromJson(schema, plain(base), { registry })
  mergeFromBinary(schema, message, toBinary(schema, fromJson(schema, plain(patch), { registry })))
  return toJson(schema, message, JSON_OUT) as Config
}

/** Merges two filters: their typed configs when they are of the same type (else the patch's is taken), and the rest as it is. */
export function mergeFilter(base: Config, patch: Config): Config {
  const { typed_config: patchConfig, ...patchRest } = patch as { typed_config?: Config }
  const { typed_config: baseConfig } = base as { typed_config?: Config }
  const merged: Config = { ...base, ...patchRest }
  if (patchConfig === undefined || baseConfig === undefined) return merged
  const type = baseConfig['@type']
  if (type !== patchConfig['@type'] || typeof type !== 'string') return { ...merged, typed_config: patchConfig }
  const { '@type': _, ...baseFields } = baseConfig
  const { '@type': __, ...patchFields } = patchConfig
  const name = type.slice(type.lastIndexOf('/') + 1)
  return { ...merged, typed_config: { '@type': type, ...mergeMessage(name, baseFields, patchFields) } }
}

/** Without the fields that are undefined, which JSON does not have. */
function plain(config: Config): JsonValue {
  return JSON.parse(JSON.stringify(config)) as JsonValue
}
