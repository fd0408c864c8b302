/** The CustomResourceDefinition kind itself: names, conditions, and which definitions are refused. */

import { deepEqual, type JsonObject, textAt, timestamp } from '../json.ts'
import { builtin } from '../kinds/builtin.ts'
import type { ApiObject } from '../object.ts'
import { type FieldError, invalidValue, notSupported, required } from '../status.ts'
import { column, NAME } from '../table/columns.ts'
import { jsonPath } from '../table/jsonpath.ts'
import { compileSchema } from './schema.ts'
import type { CrdSpec } from './types.ts'

/** Keeps the definition until all its objects are gone (apiextensions finalizer controller). */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io'

function specOf(object: ApiObject): CrdSpec {
  return object['spec'] as CrdSpec
}

function prepare(object: ApiObject, old: ApiObject | undefined): void {
  const spec = specOf(object)
  if (spec?.names === undefined || !Array.isArray(spec.versions)) return
  spec.names.singular ||= (spec.names.kind ?? '').toLowerCase()
  spec.names.listKind ||= `${spec.names.kind}List`
  spec.conversion ??= { strategy: 'None' }
  if (old === undefined) object.metadata.finalizers = [CLEANUP]
  const before = (old?.['status'] ?? {}) as { conditions?: { type: string }[]; storedVersions?: string[] }
  const storage = spec.versions.find((version) => version.storage)?.name
  const conditions = [
    condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
    condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
  ]
  object['status'] = {
    conditions: conditions.map((made) => before.conditions?.find((kept) => kept.type === made['type']) ?? made),
    acceptedNames: spec.names,
    storedVersions: [...new Set([...(before.storedVersions ?? []), ...(storage === undefined ? [] : [storage])])],
  }
}

function condition(type: string, reason: string, message: string): JsonObject {
  return { type, status: 'True', lastTransitionTime: timestamp(), reason, message }
}

function validate(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const spec = specOf(object)
  const errors: FieldError[] = []
  if (!spec?.group) errors.push(required('spec.group'))
  for (const name of ['plural', 'kind'] as const) if (!spec?.names?.[name]) errors.push(required(`spec.names.${name}`))
  if (!['Namespaced', 'Cluster'].includes(spec?.scope))
    errors.push(notSupported('spec.scope', spec?.scope, ['Cluster', 'Namespaced']))
  if (!Array.isArray(spec?.versions) || spec.versions.length === 0) errors.push(required('spec.versions'))
  if (errors.length > 0) return errors
  const name = `${spec.names.plural}.${spec.group}`
  if (object.metadata.name !== name)
    errors.push(invalidValue('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'))
  if (spec.versions.filter((version) => version.storage).length !== 1) {
    errors.push(
      invalidValue(
        'spec.versions',
        spec.versions.map((v) => v.name),
        'must have exactly one version marked as storage version',
      ),
    )
  }
  if (spec.conversion?.strategy !== undefined && spec.conversion.strategy !== 'None') {
    errors.push(notSupported('spec.conversion.strategy', spec.conversion.strategy, ['None']))
  }
  if (old !== undefined && !deepEqual(spec.names.kind, specOf(old).names.kind)) {
    errors.push(invalidValue('spec.names.kind', spec.names.kind, 'field is immutable'))
  }
  if (old !== undefined && spec.scope !== specOf(old).scope)
    errors.push(invalidValue('spec.scope', spec.scope, 'field is immutable'))
  spec.versions.forEach((version, i) => {
    const path = `spec.versions[${i}]`
    if (version.schema?.openAPIV3Schema === undefined)
      errors.push(required(`${path}.schema.openAPIV3Schema`, 'schemas are required'))
    else errors.push(...schemaErrors(version.schema.openAPIV3Schema, `${path}.schema.openAPIV3Schema`))
    version.additionalPrinterColumns?.forEach((c, j) => {
      try {
        jsonPath(c.jsonPath)
      } catch (error) {
        errors.push(
          invalidValue(`${path}.additionalPrinterColumns[${j}].jsonPath`, c.jsonPath, (error as Error).message),
        )
      }
    })
  })
  return errors
}

function schemaErrors(schema: object, path: string): FieldError[] {
  try {
    compileSchema(schema)
    return []
  } catch (error) {
    return [invalidValue(path, '', (error as Error).message)]
  }
}

export const crdKind = builtin({
  group: 'apiextensions.k8s.io',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  message: 'apiextensions.v1.CustomResourceDefinition',
  namespaced: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  status: true,
  columns: [NAME, column('Created At', (o) => textAt(o, 'metadata', 'creationTimestamp'), { type: 'date' })],
  behaviour: { generationOf: ['spec'], unconditionalUpdate: true, keepStatusOnCreate: true, prepare, validate },
})
