/** Secrets in configuration that is shown. */
import {
  type DescField,
  type DescMessage,
  getOption,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
} from '@bufbuild/protobuf'
import { sensitive } from '../../gen/udpa/annotations/sensitive_pb.ts'

const REDACTED = '[redacted]'
const TYPED_STRUCT = /^(udpa\.type\.v1|xds\.type\.v3)\.TypedStruct$/

/**
 * Redacts, in place, what the message's fields declare `udpa.annotations.sensitive`, also within `Any` and `TypedStruct`. As in
 * Envoy's MessageUtil::redact texts and bytes become `[redacted]`, and everything else goes. The registry has the types of what is
 * packed. `all`: every field is sensitive.
 */
export function redact(registry: Registry, schema: DescMessage, json: JsonValue | undefined, all = false): void {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return
  if (schema.typeName === 'google.protobuf.Any') redactTyped(registry, json['@type'], json, all)
  else if (TYPED_STRUCT.test(schema.typeName))
    redactTyped(registry, json['type_url'] ?? json['typeUrl'], json['value'], all)
  else if (schema.typeName === 'google.protobuf.Struct') {
    if (all) redactAll(json)
  } else redactFields(registry, schema, json, all)
}

function redactFields(registry: Registry, schema: DescMessage, json: JsonObject, all: boolean): void {
  for (const field of schema.fields) {
    const secret = all || getOption(field, sensitive)
    // The Struct of a TypedStruct may have either name.
    for (const name of new Set([field.name, field.jsonName])) {
      const value = json[name]
      if (value === undefined || value === null) continue
      const { message } = field
      if (message !== undefined) for (const one of messages(field, value)) redact(registry, message, one, secret)
      else if (secret) replace(json, name, field)
    }
  }
}

function redactTyped(registry: Registry, url: JsonValue | undefined, json: JsonValue | undefined, all: boolean): void {
  const schema = registry.getMessage(String(url).replace(/^.*\//, ''))
  if (schema !== undefined) redact(registry, schema, json, all)
  else if (all) redactAll(json)
}

/** What has no schema, or one that says nothing. */
function redactAll(json: JsonValue | undefined): void {
  if (json === null || typeof json !== 'object') return
  for (const [key, value] of Object.entries(json)) {
    const object = json as JsonObject
    if (typeof value === 'object') redactAll(value)
    else if (typeof value !== 'string') delete object[key]
    else if (key !== '@type') object[key] = REDACTED
  }
}

/** The messages of a field: one, or those of a list or map. */
function messages({ fieldKind }: DescField, value: JsonValue): readonly JsonValue[] {
  return fieldKind === 'message' ? [value] : Object.values(value as JsonObject)
}

function replace(json: JsonObject, name: string, { fieldKind, scalar }: DescField): void {
  const text =
    scalar === ScalarType.STRING
      ? REDACTED
      : scalar === ScalarType.BYTES
        ? Buffer.from(REDACTED).toString('base64')
        : undefined
  if (text === undefined) delete json[name]
  else if (fieldKind === 'scalar') json[name] = text
  else if (fieldKind === 'list') json[name] = (json[name] as JsonValue[]).map(() => text)
  else for (const key of Object.keys(json[name] as JsonObject)) (json[name] as JsonObject)[key] = text
}
