import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  type MessageShape,
  toJson,
} from '@bufbuild/protobuf'
import { type Any, type Struct, StructSchema } from '@bufbuild/protobuf/wkt'
import type { Metadata } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import type { TypedStruct } from '../../../gen/udpa/type/v1/typed_struct_pb.ts'
import { messageOf } from '../../errors.ts'
import { registry } from '../../xds/registry.ts'
import { invalid, unsupported } from './fields.ts'
import { checkNested } from './nested.ts'

/** What an `Any` holds. */
export interface Unpacked {
  /** Full message name; for a TypedStruct the one inside. */
  readonly typeName: string
  readonly schema: DescMessage | undefined
  readonly message: Message | undefined
  /** Of a TypedStruct whose type we have no message for (Istio's own filters). */
  readonly json: JsonObject | undefined
}

/** Reads an `Any`; a TypedStruct is read as the message that it stands for. */
export function unpack(any: Any | undefined, path: string): Unpacked {
  if (any === undefined || any.typeUrl === '') throw invalid(path, 'a typed config is missing')
  const typeName = messageName(any.typeUrl)
  const schema = registry.getMessage(typeName)
  if (schema === undefined) throw unsupported(path, `unknown type ${typeName}`)
  let message: Message
  try {
    message = fromBinary(schema, any.value)
  } catch (error) {
    throw invalid(path, `not a valid ${typeName}: ${messageOf(error)}`)
  }
  if (typeName !== 'udpa.type.v1.TypedStruct' && typeName !== 'xds.type.v3.TypedStruct') {
    checkNested(schema, message, path)
    return { typeName, schema, message, json: undefined }
  }
  const struct = message as TypedStruct
  const inner = messageName(struct.typeUrl)
  const innerSchema = registry.getMessage(inner)
  const json = (struct.value ?? {}) as JsonObject
  if (innerSchema === undefined) return { typeName: inner, schema: undefined, message: undefined, json }
  try {
    message = fromJson(innerSchema, json, { registry })
  } catch (error) {
    throw invalid(path, `not a valid ${inner}: ${messageOf(error)}`)
  }
  checkNested(innerSchema, message, path)
  return { typeName: inner, schema: innerSchema, message, json: undefined }
}

/** Reads an `Any` that must be of this type. */
export function unpackAs<D extends DescMessage>(any: Any | undefined, schema: D, path: string): MessageShape<D> {
  const { typeName, message } = unpack(any, path)
  if (typeName !== schema.typeName)
    throw unsupported(path, `type ${typeName}, where only ${schema.typeName} is supported`)
  return message as MessageShape<D>
}

/** The message that a type URL names. */
export function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

/** `filter_metadata` as plain JSON by namespace. */
export function metadataJson(metadata: Metadata | undefined): Readonly<Record<string, unknown>> {
  if (metadata === undefined) return NO_METADATA
  const result: Record<string, unknown> = Object.create(null)
  for (const [namespace, struct] of Object.entries(metadata.filterMetadata)) result[namespace] = structJson(struct)
  return result
}

/** protobuf-es keeps a Struct field as a JSON object already; a Struct message of its own is converted. */
export function structJson(struct: Struct | JsonObject): JsonObject {
  return '$typeName' in struct ? (toJson(StructSchema, struct as Struct) as JsonObject) : (struct as JsonObject)
}

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null))
