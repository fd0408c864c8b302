import type { ApiObject } from './object.ts'
import type { FieldError } from './status.ts'
import type { Columns } from './table/columns.ts'

/** An OpenAPI v3 schema with the x-kubernetes extensions, of a CRD or made from the tables of built-in types. */
export interface Schema {
  type?: string
  format?: string
  description?: string
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  required?: string[]
  nullable?: boolean
  default?: unknown
  'x-kubernetes-preserve-unknown-fields'?: boolean
  'x-kubernetes-embedded-resource'?: boolean
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-map-type'?: 'atomic' | 'granular'
  'x-kubernetes-patch-merge-key'?: string
  'x-kubernetes-patch-strategy'?: string
  [keyword: string]: unknown
}

/** The schema of a field: named, or that of a map's values. Own properties only: `constructor` is a name like any other. */
export function fieldOf(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema?.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key]
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

/** What a schema does to objects. CRDs bring `resources`' structural schema; built-in kinds a table of their fields. */
export interface ObjectSchema {
  readonly openapi: Schema
  /** Removes unknown fields in place and answers their paths. */
  prune(object: ApiObject): string[]
  applyDefaults(object: ApiObject): void
  validate(object: ApiObject, old?: ApiObject): FieldError[]
}

export interface KindVersion {
  readonly version: string
  readonly served: boolean
  readonly schema: ObjectSchema
  readonly columns: Columns
  readonly status: boolean
  readonly scale: ScalePaths | undefined
  /** Field selectors beside metadata.name and metadata.namespace: dotted paths. */
  readonly selectableFields: readonly string[]
  readonly deprecation?: string | undefined
}

export interface ScalePaths {
  readonly spec: string
  readonly status: string
  readonly selector?: string | undefined
}

/** What built-in kinds do beyond their schema. All may change the object, which belongs to the request. */
export interface Behaviour {
  /** After decoding, before validation. `old` is absent on create. */
  prepare?(object: ApiObject, old: ApiObject | undefined, context: PrepareContext): void
  validate?(object: ApiObject, old: ApiObject | undefined): FieldError[]
  /** Text for a field selector when the plain path is not enough. */
  selectable?: Readonly<Record<string, (object: ApiObject) => string>>
  /** RFC 1123 subdomain unless told. */
  validName?: 'subdomain' | 'label' | 'dns1035' | 'path'
  /** Whether status is dropped on create: it is for everything that has a status subresource. */
  keepStatusOnCreate?: boolean
  /** Fields whose change raises metadata.generation; [] for kinds without a generation. */
  generationOf?: readonly string[]
  /** Whether PUT without resourceVersion is allowed (rest.AllowUnconditionalUpdate). */
  unconditionalUpdate?: boolean
  /** Converts between versions or groups that share a storage (events). */
  toVersion?(object: ApiObject, group: string, version: string): ApiObject
}

export interface PrepareContext {
  allocateClusterIP(wanted: string | undefined): string
}

/** A kind in one group, with all its versions. */
export interface Kind {
  readonly group: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
  /** In order of preference. */
  readonly versions: readonly KindVersion[]
  readonly storageVersion: string
  /** Name of the storage: `plural.group`, but both events share one. */
  readonly storage: string
  readonly behaviour: Behaviour
  /** Extra subresources for discovery: name -> kind and verbs. */
  readonly subresources: Readonly<Record<string, { kind: string; group?: string; version?: string; verbs: string[] }>>
  readonly builtin: boolean
}

export const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const

export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`
}

export function storageName(group: string, plural: string): string {
  return group === '' ? plural : `${plural}.${group}`
}

/** A kind in one of its versions: what a request addresses. */
export interface Target {
  readonly kind: Kind
  readonly version: KindVersion
  readonly apiVersion: string
}
