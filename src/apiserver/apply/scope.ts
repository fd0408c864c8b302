import type { Target } from '../kind.ts'
import { FieldSet } from './field-set.ts'

/** Identity and bookkeeping: nobody owns these (managedfields stripmeta.go). */
const NOT_OWNED = FieldSet.of([
  ['f:apiVersion'],
  ['f:kind'],
  ...[
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generateName',
    'selfLink',
    'managedFields',
  ].map((field) => ['f:metadata', `f:${field}`]),
])

/** The fields that a request through this endpoint can own: status through its own, everything else through the main one. */
export function ownable(set: FieldSet, target: Target, subresource: string): FieldSet {
  const fields = set.without(NOT_OWNED)
  // An empty metadata is not worth owning.
  const metadata = fields.child('f:metadata')
  if (metadata !== undefined) {
    metadata.member = false
    if (metadata.empty) fields.children.delete('f:metadata')
  }
  if (!target.version.status) return fields
  return subresource === 'status' ? fields.only('f:status') : fields.without(FieldSet.of([['f:status']]))
}
