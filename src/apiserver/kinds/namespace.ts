import { textAt } from '../json.ts'
import { AGE, column, NAME } from '../table/columns.ts'
import { builtin } from './builtin.ts'

/** Deletion goes through `spec.finalizers`, which the namespace controller clears when the contents are gone. */
export const namespaceKind = builtin({
  plural: 'namespaces',
  kind: 'Namespace',
  message: 'core.v1.Namespace',
  namespaced: false,
  shortNames: ['ns'],
  status: true,
  columns: [NAME, column('Status', (o) => textAt(o, 'status', 'phase')), AGE],
  selectableFields: ['status.phase'],
  subresources: { finalize: { kind: 'Namespace', verbs: ['update'] } },
  behaviour: {
    validName: 'label',
    keepStatusOnCreate: true,
    prepare(object, old) {
      object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name }
      if (old === undefined) {
        object['spec'] = { finalizers: ['kubernetes'] }
        object['status'] = { phase: 'Active' }
      } else {
        // spec.finalizers changes only through /finalize.
        object['spec'] = old['spec']
      }
    },
  },
})
