/** The CustomResourceDefinition kind itself: names, conditions, and which definitions are refused. */

import { type CrdSpec, defaultCrd, validateCrd } from '../../resources/crd.ts'
import { type JsonObject, textAt, timestamp } from '../json.ts'
import { builtin } from '../kinds/builtin.ts'
import type { ApiObject } from '../object.ts'
import { type FieldError, invalidValue } from '../status.ts'
import { column, NAME } from '../table/columns.ts'
import { jsonPath } from '../table/jsonpath.ts'

/** Keeps the definition until all its objects are gone (apiextensions finalizer controller). */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io'

function specOf(object: ApiObject): CrdSpec {
  return object['spec'] as CrdSpec
}

function prepare(object: ApiObject, old: ApiObject | undefined): void {
  const spec = specOf(object)
  if (spec?.names === undefined || !Array.isArray(spec.versions)) return
  defaultCrd(spec)
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
  const errors: FieldError[] = [...validateCrd(object.metadata, spec, old === undefined ? undefined : specOf(old))]
  if (errors.length > 0) return errors
  spec.versions.forEach((version, i) => {
    version.additionalPrinterColumns?.forEach(({ jsonPath: path }, j) => {
      try {
        jsonPath(path)
      } catch (error) {
        errors.push(
          invalidValue(`spec.versions[${i}].additionalPrinterColumns[${j}].jsonPath`, path, (error as Error).message),
        )
      }
    })
  })
  return errors
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
