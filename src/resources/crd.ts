import { isObject } from './json.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from './schema/field-error.ts'
import { compileSchema, type SchemaNode } from './schema/index.ts'
import { structuralProblems } from './schema/structural.ts'

/** `spec` of a CustomResourceDefinition, after `validateCrd`. */
export interface CrdSpec {
  group: string
  scope: 'Namespaced' | 'Cluster'
  names: {
    plural: string
    singular?: string
    kind: string
    listKind?: string
    shortNames?: string[]
    categories?: string[]
  }
  versions: CrdVersion[]
  conversion?: { strategy: string }
  preserveUnknownFields?: boolean
}

export interface CrdVersion {
  name: string
  served: boolean
  storage: boolean
  deprecated?: boolean
  deprecationWarning?: string
  schema?: { openAPIV3Schema?: SchemaNode }
  subresources?: {
    status?: object
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string }
  }
  additionalPrinterColumns?: {
    name: string
    type: string
    jsonPath: string
    format?: string
    description?: string
    priority?: number
  }[]
  selectableFields?: { jsonPath: string }[]
}

export interface CrdMetadata {
  name?: string
  annotations?: Record<string, string>
}

const APPROVAL = 'api-approved.kubernetes.io'
const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']

/** Fills in what apiextensions does: singular, listKind, conversion. */
export function defaultCrd(spec: CrdSpec): void {
  if (!isObject(spec.names)) return
  spec.names.singular ||= (spec.names.kind ?? '').toLowerCase()
  spec.names.listKind ||= `${spec.names.kind}List`
  spec.conversion ??= { strategy: 'None' }
}

/** Whether Kubernetes (and Sluice) would take this definition: apiextensions pkg/apis/apiextensions/validation/validation.go. */
export function validateCrd(metadata: CrdMetadata, spec: CrdSpec, old?: CrdSpec): FieldError[] {
  const errors = shapeProblems(spec)
  if (errors.length > 0) return errors
  const { name = '' } = metadata
  const { names, group, versions } = spec
  if (name !== `${names.plural}.${group}`) {
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'))
  }
  errors.push(...approvalProblems(group, metadata.annotations ?? {}), ...nameProblems(spec), ...versionProblems(spec))
  if (spec.preserveUnknownFields === true) {
    errors.push(invalid('spec.preserveUnknownFields', true, 'must be false'))
  }
  if (spec.conversion !== undefined && spec.conversion.strategy !== 'None') {
    errors.push(notSupported('spec.conversion.strategy', spec.conversion.strategy, ['None']))
  }
  if (old !== undefined && names.kind !== old.names.kind) {
    errors.push(invalid('spec.names.kind', names.kind, 'field is immutable'))
  }
  if (old !== undefined && spec.scope !== old.scope)
    errors.push(invalid('spec.scope', spec.scope, 'field is immutable'))
  versions.forEach((version, i) => {
    errors.push(...schemaProblems(version, `spec.versions[${i}]`))
  })
  return errors
}

/** Groups of the Kubernetes project need its review, or the admission that there was none (apihelpers.GetAPIApprovalState). */
function approvalProblems(group: string, annotations: Readonly<Record<string, string>>): FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return []
  const field = `metadata.annotations[${APPROVAL}]`
  const approval = annotations[APPROVAL] ?? ''
  if (approval === '') return [required(field, 'protected groups must have approval annotation')]
  if (approval.startsWith('unapproved') || URL.canParse(approval)) return []
  return [
    invalid(
      field,
      approval,
      'protected groups must have approval annotation with either a URL or a reason starting with "unapproved"',
    ),
  ]
}

/** Without these nothing else can be looked at. */
function shapeProblems(spec: CrdSpec | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (!isObject(spec)) return [required('spec')]
  if (!spec.group) errors.push(required('spec.group'))
  for (const name of ['plural', 'kind'] as const) if (!spec.names?.[name]) errors.push(required(`spec.names.${name}`))
  if (!['Namespaced', 'Cluster'].includes(spec.scope)) {
    errors.push(notSupported('spec.scope', spec.scope ?? '', ['Cluster', 'Namespaced']))
  }
  if (!Array.isArray(spec.versions) || spec.versions.length === 0) errors.push(required('spec.versions'))
  return errors
}

function nameProblems({ group, names }: CrdSpec): FieldError[] {
  const errors: FieldError[] = []
  if (!SUBDOMAIN.test(group)) errors.push(invalid('spec.group', group, 'must be a lowercase RFC 1123 subdomain'))
  else if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'))
  const labels: [string, string][] = [
    ['plural', names.plural],
    ['singular', names.singular ?? ''],
    ['kind', names.kind.toLowerCase()],
    ['listKind', (names.listKind ?? '').toLowerCase()],
    ...[...(names.shortNames ?? [])].map((short, i): [string, string] => [`shortNames[${i}]`, short]),
    ...[...(names.categories ?? [])].map((category, i): [string, string] => [`categories[${i}]`, category]),
  ]
  for (const [field, value] of labels) {
    if (value === '' && (field === 'singular' || field === 'listKind')) continue
    if (!LABEL.test(value) || value.length > 63) {
      errors.push(
        invalid(
          `spec.names.${field}`,
          value,
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        ),
      )
    }
  }
  if (names.listKind === names.kind) {
    errors.push(invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'))
  }
  return errors
}

function versionProblems({ versions }: CrdSpec): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  versions.forEach(({ name }, i) => {
    if (!LABEL.test(name ?? ''))
      errors.push(invalid(`spec.versions[${i}].name`, name ?? '', 'a DNS-1035 label is wanted'))
    if (seen.has(name)) errors.push(invalid('spec.versions', [...seen], 'must contain unique version names'))
    seen.add(name)
  })
  if (versions.filter((version) => version.storage).length !== 1) {
    const names = versions.map((version) => version.name)
    errors.push(invalid('spec.versions', names, 'must have exactly one version marked as storage version'))
  }
  return errors
}

function schemaProblems(version: CrdVersion, at: string): FieldError[] {
  const errors: FieldError[] = []
  const schema = version.schema?.openAPIV3Schema
  const schemaAt = `${at}.schema.openAPIV3Schema`
  if (schema === undefined) errors.push(required(schemaAt, 'schemas are required'))
  else {
    errors.push(...structuralProblems(schema, schemaAt))
    if (errors.length === 0) errors.push(...defaultProblems(schema, schemaAt))
  }
  version.additionalPrinterColumns?.forEach((column, i) => {
    const there = `${at}.additionalPrinterColumns[${i}]`
    if (!column.name) errors.push(required(`${there}.name`))
    if (!COLUMN_TYPES.includes(column.type)) errors.push(notSupported(`${there}.type`, column.type ?? '', COLUMN_TYPES))
    if (!column.jsonPath) errors.push(required(`${there}.jsonPath`))
    else if (!column.jsonPath.startsWith('.')) {
      errors.push(invalid(`${there}.jsonPath`, column.jsonPath, 'must be a json path starting with .'))
    }
  })
  return errors
}

/** A default has to be what its own schema would take (structural/defaulting/validation.go). */
function defaultProblems(schema: SchemaNode, path: string): FieldError[] {
  const errors: FieldError[] = []
  const visit = (node: SchemaNode, at: string) => {
    if (node.default !== undefined) {
      const wrapped = compileSchema({ type: 'object', properties: { default: node } })
      const value = { default: structuredClone(node.default) }
      const unknown = wrapped.prune(value)
      wrapped.applyDefaults(value)
      for (const field of unknown) errors.push(forbidden(`${at}.${field}`, 'must not have unknown fields'))
      for (const { reason, message } of wrapped.validate(value))
        errors.push({ field: `${at}.default`, reason, message })
    }
    for (const [field, inner] of Object.entries(node.properties ?? {})) visit(inner, `${at}.properties[${field}]`)
    if (node.items !== undefined) visit(node.items, `${at}.items`)
    if (typeof node.additionalProperties === 'object') visit(node.additionalProperties, `${at}.additionalProperties`)
  }
  visit(schema, path)
  return errors
}
