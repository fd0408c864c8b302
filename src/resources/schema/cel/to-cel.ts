import type { CelInput } from '@bufbuild/cel'
import { create } from '@bufbuild/protobuf'
import { DurationSchema, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { SchemaNode } from '../types.ts'
import { parseDuration } from './duration.ts'
import { escapeName } from './escape.ts'

/** Values that were converted for this object already: rules stand at many levels of it, and each sees all that is below. */
export type Converted = Map<object, CelInput>

/**
 * JSON to what CEL computes with (apiserver/pkg/cel/common/values.go): integers of the schema are ints, a null field is an absent one,
 * names of fields are escaped, and fields that the schema does not name cannot be seen.
 */
export function toCel(value: unknown, schema: SchemaNode, done: Converted): CelInput {
  if (typeof value === 'object' && value !== null) {
    let converted = done.get(value)
    if (converted === undefined) {
      converted = Array.isArray(value) ? listOf(value, schema, done) : mapOf(value, schema, done)
      done.set(value, converted)
    }
    return converted
  }
  if (typeof value === 'number') return Number.isInteger(value) && schema.type !== 'number' ? BigInt(value) : value
  if (typeof value === 'string') return textOf(value, schema.format)
  return value as boolean | null
}

function listOf(value: readonly unknown[], schema: SchemaNode, done: Converted): CelInput {
  const items = schema.items ?? {}
  return value.map((item) => toCel(item, items, done))
}

function mapOf(value: object, schema: SchemaNode, done: Converted): CelInput {
  const { properties, additionalProperties } = schema
  const map = new Map<string, CelInput>()
  const metadata = schema['x-kubernetes-embedded-resource'] === true ? METADATA : undefined
  for (const [field, inner] of Object.entries(value)) {
    if (properties !== undefined || metadata !== undefined) {
      const node = propertyOf(properties, field) ?? propertyOf(metadata, field)
      const name = node === undefined || inner === null ? undefined : escapeName(field)
      if (name !== undefined) map.set(name, toCel(inner, node!, done))
    } else if (typeof additionalProperties === 'object') map.set(field, toCel(inner, additionalProperties, done))
  }
  return map
}

function propertyOf(properties: SchemaNode['properties'], field: string): SchemaNode | undefined {
  return properties !== undefined && Object.hasOwn(properties, field) ? properties[field] : undefined
}

/** The part of every resource that rules may read (schema/defaulting and cel/model WithTypeAndObjectMeta). */
const METADATA: Readonly<Record<string, SchemaNode>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
}

/** The schema of a whole resource, as its root rules see it. */
export function withTypeMeta(schema: SchemaNode): SchemaNode {
  return { ...schema, properties: { ...schema.properties, ...METADATA } }
}

function textOf(text: string, format: string | undefined): CelInput {
  try {
    switch (format) {
      case 'duration':
        return create(DurationSchema, parseDuration(text))
      case 'date':
      case 'date-time':
        return timestampFromDate(new Date(text))
      case 'byte':
        return new Uint8Array(Buffer.from(text, 'base64'))
      default:
        return text
    }
  } catch {
    // An unchanged value may stand against its format; the rule finds no function for a string and says so.
    return text
  }
}
