/** DELETE: finalizers, propagation, grace periods, preconditions. */
import { clone, isObject, textAt, timestamp } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { badRequest, conflict, type FieldError, forbidden, invalid } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import { type Api, inVersion } from './context.ts'
import { checkDryRun } from './options.ts'
import { settle } from './write.ts'

export interface DeleteOptions {
  gracePeriodSeconds?: number
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  uid?: string
  resourceVersion?: string
  dryRun: boolean
}

const POLICIES = ['Background', 'Foreground', 'Orphan']

/** Body first, then query parameters, which clients without a body use. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const errors: FieldError[] = []
  const given = isObject(body) ? body : {}
  const kind = given['kind']
  if (kind !== undefined && kind !== 'DeleteOptions')
    throw badRequest(`the body of a DELETE is a DeleteOptions, not ${String(kind)}`)
  const dryRun = checkDryRun([...((given['dryRun'] as string[] | undefined) ?? []), ...query.getAll('dryRun')], errors)
  const options: DeleteOptions = { dryRun }
  const grace = given['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds')
  if (grace !== null && grace !== undefined) options.gracePeriodSeconds = Number(grace)
  const orphan = given['orphanDependents']
  const policy =
    given['propagationPolicy'] ?? query.get('propagationPolicy') ?? (orphan === true ? 'Orphan' : undefined)
  if (policy !== undefined && policy !== null) {
    if (!POLICIES.includes(String(policy))) {
      throw invalid({ group: 'meta.k8s.io', plural: '', kind: 'DeleteOptions' }, '', [
        {
          field: 'propagationPolicy',
          reason: 'FieldValueNotSupported',
          message: `Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"`,
        },
      ])
    }
    options.propagationPolicy = policy as 'Background' | 'Foreground' | 'Orphan'
  }
  const uid = textAt(given, 'preconditions', 'uid')
  const version = textAt(given, 'preconditions', 'resourceVersion')
  if (uid !== '') options.uid = uid
  if (version !== '') options.resourceVersion = version
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', plural: '', kind: 'DeleteOptions' }, '', errors)
  return options
}

/** Namespaces that the server itself needs. */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public'])

/** Answers the object as it is now, and whether it is gone. */
export function deleteObject(
  api: Api,
  target: Target,
  entry: Entry,
  options: DeleteOptions,
): { object: ApiObject; gone: boolean } {
  const { kind } = target
  const { metadata } = entry.object
  if (options.uid !== undefined && options.uid !== metadata.uid) {
    throw conflict(
      kind,
      entry.name,
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${metadata.uid}`,
    )
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      kind,
      entry.name,
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    )
  }
  if (kind.storage === 'namespaces' && IMMORTAL.has(entry.name)) {
    throw forbidden(kind, entry.name, 'this namespace may not be deleted')
  }
  const grace = graceFor(entry.object, options)
  const finalizers = finalizersFor(entry.object, options)
  const held =
    finalizers.length > 0 || (kind.storage === 'namespaces' && (entry.object['spec']?.finalizers ?? []).length > 0)
  if (options.dryRun) return { object: inVersion(target, entry.object), gone: !held && grace === 0 }
  if (!held && grace === 0) return { object: inVersion(target, api.store.remove(entry).object), gone: true }

  const object = markDeleted(entry.object, grace, finalizers)
  if (kind.storage === 'namespaces') object['status'] = { ...object['status'], phase: 'Terminating' }
  if (unchanged(object, entry.object)) return { object: inVersion(target, entry.object), gone: false }
  return { object: inVersion(target, settle(api, entry, object)), gone: false }
}

/** Pods on a node are stopped by whoever runs them, within their grace period; everything else goes at once. */
function graceFor(object: ApiObject, options: DeleteOptions): number {
  if (object.kind !== 'Pod' || object.apiVersion !== 'v1') return 0
  if (!object['spec']?.nodeName || ['Succeeded', 'Failed'].includes(textAt(object, 'status', 'phase'))) return 0
  const grace = options.gracePeriodSeconds ?? Number(object['spec']?.terminationGracePeriodSeconds ?? 30)
  const before = object.metadata.deletionGracePeriodSeconds
  return before === undefined ? Math.max(0, grace) : Math.min(before, Math.max(0, grace))
}

function finalizersFor(object: ApiObject, options: DeleteOptions): string[] {
  const finalizers = (object.metadata.finalizers ?? []).filter((f) => f !== 'orphan' && f !== 'foregroundDeletion')
  const kept = options.propagationPolicy === undefined ? (object.metadata.finalizers ?? []) : finalizers
  if (options.propagationPolicy === 'Foreground') return [...finalizers, 'foregroundDeletion']
  if (options.propagationPolicy === 'Orphan') return [...finalizers, 'orphan']
  return kept
}

function markDeleted(old: ApiObject, grace: number, finalizers: string[]): ApiObject {
  const object = clone(old)
  const { metadata } = object
  if (metadata.deletionTimestamp === undefined) {
    metadata.deletionTimestamp = timestamp(Date.now() + grace * 1000)
    if (metadata.generation !== undefined) metadata.generation++
  }
  metadata.deletionGracePeriodSeconds = grace
  if (finalizers.length > 0) metadata.finalizers = finalizers
  else delete metadata.finalizers
  return object
}

function unchanged(a: ApiObject, b: ApiObject): boolean {
  return (
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    a.metadata.deletionGracePeriodSeconds === b.metadata.deletionGracePeriodSeconds &&
    (a.metadata.finalizers ?? []).join() === (b.metadata.finalizers ?? []).join()
  )
}
