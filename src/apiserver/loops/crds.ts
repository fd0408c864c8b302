/** Keeps the served kinds equal to the CustomResourceDefinitions, and cleans up after one that goes. */
import { logger } from '../../telemetry/log.ts'
import { compileCrd } from '../crd/compile.ts'
import { CLEANUP } from '../crd/kind.ts'
import type { ApiObject } from '../object.ts'
import type { KindRegistry } from '../registry.ts'
import { storageTarget } from '../registry.ts'
import type { Api } from '../rest/context.ts'
import { deleteObject } from '../rest/delete.ts'
import { settle } from '../rest/write.ts'
import type { StoreEvent } from '../store/entry.ts'
import type { Background } from './background.ts'

const log = logger('apiserver')

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io'

export function serveCrds(api: Api, background: Background, endWatches: (storage: string) => void): void {
  const { store, kinds } = api
  for (const { object } of store.table(CRDS).sorted) serve(kinds, object)

  const clean = background.waking('crds', () => cleanUp(api))
  store.observe((event) => {
    if (event.entry.resource === CRDS) onDefinition(kinds, event, endWatches)
    if (event.entry.resource === CRDS || event.type === 'DELETED') clean()
  })
}

function onDefinition(
  kinds: KindRegistry,
  { type, entry, previous }: StoreEvent,
  endWatches: (storage: string) => void,
): void {
  const { group, names } = entry.object['spec']
  if (type === 'DELETED') {
    kinds.remove(group, names.plural)
    endWatches(`${names.plural}.${group}`)
  } else if (previous?.object['spec'] !== entry.object['spec']) {
    serve(kinds, entry.object)
  }
}

/** One definition that an older version took and this one cannot use must not keep the others from being served. */
function serve(kinds: KindRegistry, definition: ApiObject): void {
  try {
    kinds.add(compileCrd(definition))
  } catch (error) {
    log.error({ crd: definition.metadata.name, error: (error as Error).message }, 'a stored CRD cannot be served')
  }
}

/** Definitions that are being deleted: first their objects, then the finalizer. */
function cleanUp(api: Api): void {
  const { store } = api
  for (const entry of store.table(CRDS).sorted) {
    const { metadata, spec } = entry.object
    if (metadata.deletionTimestamp === undefined || !metadata.finalizers?.includes(CLEANUP)) continue
    const kind = api.kinds.get(spec.group, spec.names.plural)
    const left = store.table(entry.name).sorted
    if (kind !== undefined && left.length > 0) {
      for (const object of left) deleteObject(api, storageTarget(kind), object, { dryRun: false })
    }
    if (store.table(entry.name).entries.size > 0) continue
    const finalizers = metadata.finalizers.filter((finalizer) => finalizer !== CLEANUP)
    const current = store.get(CRDS, '', entry.name)
    if (current !== undefined) settle(api, current, { ...current.object, metadata: { ...metadata, finalizers } })
  }
}
