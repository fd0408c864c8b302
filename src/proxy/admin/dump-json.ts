/** Parts of `/config_dump` as Envoy writes them. */
import {
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry,
  toJson,
} from '@bufbuild/protobuf'
import { type Any, AnySchema, EmptySchema } from '@bufbuild/protobuf/wkt'
import { redact } from '../../xds/index.ts'
import { registry } from '../../xds/registry.ts'
import type { Delivered } from '../main/delivered.ts'

/** Of what has a type that is not known, as what is refused mostly has, the type is told. */
const shown: Registry = {
  ...registry,
  getMessage: (typeName) => registry.getMessage(typeName) ?? { ...EmptySchema, typeName },
}

/** A message as in an `Any`, without secrets. */
export function messageJson<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonObject {
  const body = toJson(schema, message, { registry: shown, useProtoFieldName: true }) as JsonObject
  redact(registry, schema, body)
  return { '@type': `type.googleapis.com/${schema.typeName}`, ...body }
}

/** What an `Any` holds, without secrets. */
export function anyJson(any: Any): JsonValue {
  const body = toJson(AnySchema, any, { registry: shown, useProtoFieldName: true })
  redact(registry, AnySchema, body)
  return body
}

/** A resource in its `field`, with what is told of each. */
export function entry<D extends DescMessage>(
  field: string,
  schema: D,
  { proto, version, updated }: Delivered<MessageShape<D>>,
): JsonObject {
  return {
    ...(version === '' ? {} : { version_info: version }),
    [field]: messageJson(schema, proto),
    last_updated: updated.toISOString(),
  }
}
