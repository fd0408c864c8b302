import { create, fromBinary, fromJson, type JsonObject, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { SluiceError } from '../errors.ts'
import { registry } from './registry.ts'

const PREFIX = 'type.googleapis.com/'

/** An Any as JSON in Envoy's own spelling: `@type` and snake_case fields, nested Anys too. */
export function anyToJson(any: Any): JsonObject {
  return toJson(AnySchema, any, { registry, useProtoFieldName: true }) as JsonObject
}

/** Reads such JSON; unknown types and fields are refused. */
export function anyFromJson(json: JsonValue): Any {
  try {
    return fromJson(AnySchema, json, { registry })
  } catch (error) {
    throw new SluiceError('SL2001', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/**
 * Packs a message of the registry, given as JSON. Envoy configuration is written in this form throughout the control plane,
 * because it is the form in which people know it, and golden files compare it.
 */
export function pack(typeUrl: string, json: JsonValue): Any {
  const schema = registry.getMessage(typeUrl.slice(PREFIX.length))
  if (schema === undefined) throw new SluiceError('SL2001', `the type ${typeUrl} is not known`)
  try {
    const message = fromJson(schema, json, { registry })
    return create(AnySchema, { typeUrl, value: toBinary(schema, message) })
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SluiceError('SL2001', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** The message inside an Any as JSON, without its `@type`. */
export function unpackToJson(any: Any): JsonValue {
  const schema = registry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1))
  if (schema === undefined) throw new SluiceError('SL2001', `the type ${any.typeUrl} is not known`)
  return toJson(schema, fromBinary(schema, any.value), { registry, useProtoFieldName: true })
}
