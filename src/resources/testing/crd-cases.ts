import type { CrdSpec } from '../crd.ts'
import type { SchemaNode } from '../schema/index.ts'

/** A definition, and what is wrong with it. */
export type CrdCase = readonly [name: string, spec: CrdSpec, ...says: (string | RegExp)[]]

const AT = 'spec.versions[0].schema.openAPIV3Schema'

/** A small definition that is sound, but for the change. */
export function crd(change: (spec: Record<string, never> & CrdSpec) => void = () => {}): CrdSpec {
  const spec: CrdSpec = {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  }
  change(spec as Record<string, never> & CrdSpec)
  return spec
}

const withSchema = (schema: unknown) =>
  crd((spec) => {
    spec.versions[0].schema = { openAPIV3Schema: schema as SchemaNode }
  })
const withSpec = (node: unknown) => withSchema({ type: 'object', properties: { spec: node } })

export const NAME_CASES: readonly CrdCase[] = [
  ['a good one', crd()],
  ['no spec', undefined as unknown as CrdSpec, 'spec: Required value'],
  [
    'nothing in it',
    {} as CrdSpec,
    'spec.group: Required value',
    'spec.names.plural: Required value',
    'spec.names.kind: Required value',
    /^spec\.scope: Unsupported value/,
    'spec.versions: Required value',
  ],
  [
    'group without a dot',
    crd((spec) => {
      spec.group = 'widgets'
    }),
    'spec.group: Invalid value: "widgets": should be a domain with at least one dot',
  ],
  [
    'plural in capitals',
    crd((spec) => {
      spec.names.plural = 'Widgets'
    }),
    /^spec\.names\.plural: Invalid value: "Widgets": a DNS-1035 label/,
  ],
  [
    'kind and listKind the same',
    crd((spec) => {
      spec.names.listKind = 'Widget'
    }),
    'spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same',
  ],
  [
    'a bad short name',
    crd((spec) => {
      spec.names.shortNames = ['w_d']
    }),
    /^spec\.names\.shortNames\[0\]: Invalid value/,
  ],
  [
    'two storage versions',
    crd((spec) => {
      spec.versions.push({ ...spec.versions[0], name: 'v2' })
    }),
    'spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version',
  ],
  [
    'one version twice',
    crd((spec) => {
      spec.versions.push({ ...spec.versions[0], storage: false })
    }),
    /^spec\.versions: Invalid value: \["v1"\]: must contain unique version names/,
  ],
  [
    'no schema',
    crd((spec) => {
      delete spec.versions[0].schema
    }),
    `${AT}: Required value: schemas are required`,
  ],
  [
    'conversion by webhook',
    crd((spec) => {
      spec.conversion = { strategy: 'Webhook' }
    }),
    'spec.conversion.strategy: Unsupported value: "Webhook": supported values: "None"',
  ],
  [
    'everything preserved',
    crd((spec) => {
      spec.preserveUnknownFields = true
    }),
    'spec.preserveUnknownFields: Invalid value: true: must be false',
  ],
  [
    'a column of no type',
    crd((spec) => {
      spec.versions[0].additionalPrinterColumns = [{ name: 'a', type: 'text', jsonPath: 'a' }]
    }),
    /^spec\.versions\[0\]\.additionalPrinterColumns\[0\]\.type: Unsupported value: "text"/,
    /jsonPath: Invalid value: "a": must be a json path starting with \./,
  ],
]

const object = (more: object) => withSpec({ type: 'object', ...more })
const list = (more: object) =>
  withSpec({ type: 'array', items: { type: 'object', properties: { k: { type: 'string' } } }, ...more })
const SPEC = `${AT}.properties[spec]`
/** k8s.io/apiextensions-apiserver/pkg/apiserver/schema/validation.go and pkg/apis/apiextensions/validation. */
export const STRUCTURAL_CASES: readonly CrdCase[] = [
  ['root without type', withSchema({}), `${AT}.type: Required value: must not be empty at the root`],
  [
    'root of another type',
    withSchema({ type: 'array', items: { type: 'string' } }),
    `${AT}.type: Invalid value: "array": must be object at the root`,
  ],
  ['field without type', withSpec({}), `${SPEC}.type: Required value: must not be empty for specified object fields`],
  [
    'items without type',
    withSpec({ type: 'array', items: {} }),
    `${SPEC}.items.type: Required value: must not be empty for specified array items`,
  ],
  ['array without items', withSpec({ type: 'array' }), `${SPEC}.items: Required value: must be specified`],
  ['no type is needed when all is preserved', withSpec({ 'x-kubernetes-preserve-unknown-fields': true })],
  [
    'nor for int-or-string',
    withSpec({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }),
  ],
  ['int-or-string with a type', withSpec({ type: 'string', 'x-kubernetes-int-or-string': true })],
  ['an unknown type', withSpec({ type: 'text' }), /properties\[spec\]\.type: Unsupported value: "text"/],
  [
    'fields and additional fields',
    object({ properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } }),
    `${SPEC}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
  ],
  ['no additional fields', object({ additionalProperties: false })],
  ['unique items', list({ uniqueItems: true }), /uniqueItems: Forbidden: uniqueItems cannot be set to true/],
  ['a reference', object({ $ref: '#/x' }), /\$ref: Forbidden: \$ref is not supported/],
  [
    'preserve: false',
    object({ 'x-kubernetes-preserve-unknown-fields': false }),
    /x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined/,
  ],
  [
    'a pattern that is none',
    withSpec({ type: 'string', pattern: '(' }),
    /properties\[spec\]\.pattern: Invalid value: "\(": compilation failed/,
  ],
  [
    'a rule that is none',
    object({ 'x-kubernetes-validations': [{ rule: 'self.' }] }),
    /x-kubernetes-validations\[0\]\.rule: Invalid value: "self\.": compilation failed/,
  ],
  [
    'a message that is none',
    object({ 'x-kubernetes-validations': [{ rule: 'true', messageExpression: 'x' }] }),
    /messageExpression: Invalid value: "x": compilation failed: undeclared reference to 'x'/,
  ],
  [
    'metadata narrowed to names',
    withSchema({
      type: 'object',
      properties: { metadata: { type: 'object', properties: { name: { type: 'string', pattern: 'a' } } } },
    }),
  ],
  [
    'metadata beyond names',
    withSchema({
      type: 'object',
      properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
    }),
    /properties\[metadata\]: Forbidden: must not specify anything other than name/,
  ],
  [
    'metadata with a description',
    withSchema({ type: 'object', properties: { metadata: { type: 'object', description: 'd' } } }),
    /properties\[metadata\]: Forbidden: must not specify/,
  ],
  [
    'a type in an alternative',
    object({ properties: { a: { type: 'string' } }, anyOf: [{ type: 'object' }] }),
    `${SPEC}.anyOf[0].type: Forbidden: must be empty to be structural`,
  ],
  ['a field only in an alternative', object({ oneOf: [{ properties: { a: { minLength: 1 } } }] })],
  [
    'a default in an alternative',
    object({ anyOf: [{ default: {} }] }),
    `${SPEC}.anyOf[0].default: Forbidden: must be undefined to be structural`,
  ],
  [
    'a nullable alternative',
    object({ anyOf: [{ nullable: true }] }),
    `${SPEC}.anyOf[0].nullable: Forbidden: must be false to be structural`,
  ],
  [
    'a rule without a rule',
    object({ 'x-kubernetes-validations': [{ rule: '' }] }),
    `${SPEC}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
  ],
  [
    'a rule for a field that is not there',
    object({ 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.z' }] }),
    `${SPEC}.x-kubernetes-validations[0].fieldPath: Invalid value: ".z": must be a valid path`,
  ],
  [
    'a rule for a field that is there',
    object({
      properties: { a: { type: 'object', properties: { b: { type: 'string' } } } },
      'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.a.b' }],
    }),
  ],
  [
    'a rule with a reason of its own',
    object({ 'x-kubernetes-validations': [{ rule: 'true', reason: 'Because' }] }),
    /reason: Unsupported value: "Because": supported values: "FieldValueDuplicate"/,
  ],
  [
    'a narrower field in a nested alternative',
    object({ properties: { a: { type: 'string' } }, not: { allOf: [{ properties: { a: { enum: ['x'] } } }] } }),
  ],
  [
    'list map without keys',
    list({ 'x-kubernetes-list-type': 'map' }),
    /x-kubernetes-list-map-keys: Required value: must not be empty/,
  ],
  [
    'list map with a key that is no field',
    list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['z'] }),
    /x-kubernetes-list-map-keys\[0\]: Invalid value: "z": entries must all be names of item properties/,
  ],
  [
    'list map with a key that may be absent',
    list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }),
    /items\.properties\[k\]\.default: Required value: this property is in x-kubernetes-list-map-keys/,
  ],
  ['keys without a map', list({ 'x-kubernetes-list-map-keys': ['k'] }), /x-kubernetes-list-map-keys: Forbidden/],
  [
    'a set of objects',
    list({ 'x-kubernetes-list-type': 'set' }),
    /items\.type: Invalid value: "object": items of a set must be/,
  ],
  [
    'a list type of no list',
    object({ 'x-kubernetes-list-type': 'atomic' }),
    /type: Invalid value: "object": must be array if x-kubernetes-list-type is specified/,
  ],
  [
    'a map type of no object',
    withSpec({ type: 'string', 'x-kubernetes-map-type': 'atomic' }),
    /type: Invalid value: "string": must be object if x-kubernetes-map-type is specified/,
  ],
  ['a default that fits', withSpec({ type: 'string', minLength: 1, default: 'a' })],
  [
    'a default that does not fit',
    withSpec({ type: 'string', minLength: 1, default: '' }),
    /^spec.*properties\[spec\]\.default: Invalid value: "": default in body should be at least 1 chars long/,
  ],
  [
    'a default with a field nobody knows',
    object({ properties: { a: { type: 'string' } }, default: { b: 1 } }),
    `${SPEC}.default.b: Forbidden: must not have unknown fields`,
  ],
]
