/** The namespace lifecycle: what every namespace has, and how one goes away. */
import { deepEqual } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { storageTarget } from '../registry.ts'
import type { Api, Write } from '../rest/context.ts'
import { deleteObject } from '../rest/delete.ts'
import { createObject, settle, updateObject } from '../rest/write.ts'
import type { Background } from './background.ts'

const SYSTEM_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system']

const OPTIONS = { dryRun: false, fieldManager: 'sluice-apiserver', fieldValidation: 'Ignore', force: false } as const

export function keepNamespaces(api: Api, background: Background, caPem: string): void {
  const { store } = api
  for (const name of SYSTEM_NAMESPACES)
    ensure(api, '', 'namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  furnish(api, caPem)
  const furnishing = background.waking('namespaces', () => furnish(api, caPem))
  const emptying = background.waking('namespaces', () => empty(api))
  store.observe(({ type, entry }) => {
    if (entry.resource === 'namespaces' && type === 'ADDED') furnishing()
    if (entry.resource === 'namespaces' || type === 'DELETED') emptying()
  })
  empty(api)
}

/** What Kubernetes' controllers put into each namespace, and what pods of many charts mount. */
function furnish(api: Api, caPem: string): void {
  for (const { name, object } of api.store.table('namespaces').sorted) {
    if (object.metadata.deletionTimestamp !== undefined) continue
    ensure(api, name, 'serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } })
    ensure(api, name, 'configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-root-ca.crt' },
      data: { 'ca.crt': caPem },
    })
  }
}

/** Creates the object, or updates what it says when that differs. */
export function ensure(api: Api, namespace: string, plural: string, object: ApiObject, group = ''): void {
  const kind = api.kinds.get(group, plural)
  if (kind === undefined) throw new Error(`no kind ${plural}`)
  const write: Write = {
    target: storageTarget(kind),
    namespace,
    subresource: '',
    options: OPTIONS,
    duplicates: [],
    warnings: [],
  }
  const known = api.store.get(kind.storage, namespace, object.metadata.name)
  if (known === undefined) createObject(api, write, object)
  else {
    const { apiVersion: _a, kind: _k, metadata, ...content } = object
    const labels = { ...known.object.metadata.labels, ...metadata.labels }
    const annotations = { ...known.object.metadata.annotations, ...metadata.annotations }
    const updated = { ...known.object, ...content, metadata: { ...known.object.metadata, labels, annotations } }
    if (!deepEqual(updated, known.object)) updateObject(api, write, known, updated)
  }
}

/** Namespaces that are being deleted: first their contents, then `spec.finalizers`. */
function empty(api: Api): void {
  const { store } = api
  for (const entry of store.table('namespaces').sorted) {
    if (entry.object.metadata.deletionTimestamp === undefined) continue
    let left = 0
    for (const kind of api.kinds.all()) {
      if (!kind.namespaced) continue
      for (const object of store.table(kind.storage).sorted) {
        if (object.namespace !== entry.name) continue
        // Both names of events share one storage.
        if (store.get(kind.storage, object.namespace, object.name) !== object) continue
        if (!deleteObject(api, storageTarget(kind), object, { dryRun: false }).gone) left++
      }
    }
    const current = store.get('namespaces', '', entry.name)
    if (left > 0 || current === undefined || current.object['spec']?.finalizers === undefined) continue
    settle(api, current, { ...current.object, spec: {} })
  }
}
