/** Create and update: from a decoded body to a stored object. All synchronous, so each is one transaction. */
import { randomUUID } from 'node:crypto'
import { admit } from '../../resources/admit/index.ts'
import { trackUpdate } from '../apply/track.ts'
import { at, clone, deepEqual, timestamp } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { storageTarget } from '../registry.ts'
import { alreadyExists, badRequest, conflict, type FieldError, invalid } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import { generationChanged, sameButForTimes } from './changes.ts'
import { type Api, inVersion, type Write } from './context.ts'
import { checkIdentity, checkNamespace, freeName } from './identity.ts'
import { validateMetadata } from './metadata.ts'
import { dropEmptyMetadata, keepSystemFields, newFinalizers, resetSystemFields } from './system-fields.ts'

export function createObject(api: Api, write: Write, body: ApiObject, name?: string): ApiObject {
  const { target, namespace, options } = write
  const { kind } = target
  const object = checkIdentity(write, clone(body), name)
  const metadata = object.metadata
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  checkNamespace(api, write, metadata.name || metadata.generateName || '')
  if (!metadata.name && metadata.generateName) metadata.name = freeName(api, write, metadata.generateName)
  resetSystemFields(metadata)
  if (write.applied !== true) delete metadata.managedFields
  if (target.version.status && kind.behaviour.keepStatusOnCreate !== true) delete object['status']
  metadata.uid = randomUUID()
  metadata.creationTimestamp = timestamp()
  if (kind.behaviour.generationOf !== undefined || !kind.builtin) metadata.generation = 1
  else delete metadata.generation
  const finished = finish(api, write, object, undefined)
  if (api.store.get(kind.storage, namespace, metadata.name) !== undefined) throw alreadyExists(kind, metadata.name)
  if (options.dryRun) return finished
  const stored = inVersion(storageTarget(kind), finished)
  return inVersion(target, api.store.put(kind.storage, namespace, metadata.name, stored).object)
}

/** Replaces `entry` with `body`, which must not share what it changes with the stored object. Answers what is stored now. */
export function updateObject(api: Api, write: Write, entry: Entry, body: ApiObject): ApiObject {
  const { target, options, subresource } = write
  const { kind } = target
  const old = inVersion(target, entry.object)
  const incoming = checkIdentity(write, clone(body), entry.name)
  const given = incoming.metadata
  if (given.uid && given.uid !== old.metadata.uid) {
    throw conflict(
      kind,
      entry.name,
      `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.metadata.uid}`,
    )
  }
  if (
    given.resourceVersion &&
    given.resourceVersion !== '0' &&
    given.resourceVersion !== old.metadata.resourceVersion
  ) {
    throw conflict(kind, entry.name)
  }
  const object = subresource === 'status' ? statusOnly(old, incoming) : mainOnly(target, old, incoming)
  keepSystemFields(object.metadata, old.metadata)
  const finished = finish(api, write, object, old)
  if (sameButForTimes(finished, old)) return old
  if (generationChanged(target, subresource, finished, old))
    finished.metadata.generation = (old.metadata.generation ?? 0) + 1
  if (options.dryRun) return finished
  return inVersion(target, settle(api, entry, inVersion(storageTarget(kind), finished)))
}

/** Stores an update; an object that waits for deletion and has lost its last finalizer is removed. */
export function settle(api: Api, entry: Entry, object: ApiObject): ApiObject {
  const stored = api.store.put(entry.resource, entry.namespace, entry.name, object)
  if (readyToGo(object)) api.store.remove(stored)
  return stored.object
}

function readyToGo(object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = object.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) return false
  if (object.kind === 'Namespace' && object.apiVersion === 'v1') return (object['spec']?.finalizers ?? []).length === 0
  return (deletionGracePeriodSeconds ?? 0) === 0
}

/** The main endpoint leaves the status alone when it has an endpoint of its own. */
function mainOnly(target: Target, old: ApiObject, incoming: ApiObject): ApiObject {
  if (!target.version.status) return incoming
  if (old['status'] === undefined) delete incoming['status']
  else incoming['status'] = clone(old['status'])
  return incoming
}

function statusOnly(old: ApiObject, incoming: ApiObject): ApiObject {
  const object = clone(old)
  if (incoming['status'] === undefined) delete object['status']
  else object['status'] = incoming['status']
  const fields = incoming.metadata.managedFields
  if (fields !== undefined) object.metadata.managedFields = fields
  return object
}

/** Prune, default, admit, validate; then say who owns what. */
function finish(api: Api, write: Write, object: ApiObject, old: ApiObject | undefined): ApiObject {
  const { target, options, warnings, subresource } = write
  const { kind, version } = target
  reportUnknown(write, version.schema.prune(object))
  version.schema.applyDefaults(object)
  dropEmptyMetadata(object.metadata)
  if (subresource === '') kind.behaviour.prepare?.(object, old, api.prepare)
  const errors: FieldError[] = validateMetadata(object.metadata, kind.behaviour.validName)
  if (old !== undefined) errors.push(...newFinalizers(object.metadata, old.metadata))
  errors.push(...version.schema.validate(object, old))
  if (subresource === '' && errors.length === 0) {
    errors.push(...(kind.behaviour.validate?.(object, old) ?? []))
    if (!kind.builtin && (old === undefined || !deepEqual(object['spec'], old['spec']))) {
      const said = admit(object)
      errors.push(...said.errors)
      warnings.push(...said.warnings)
    }
  }
  if (errors.length > 0) throw invalid(kind, object.metadata.name ?? '', errors)
  if (write.applied !== true) trackUpdate(object, old, target, options.fieldManager, subresource)
  const { apiVersion, kind: kindName, metadata, ...rest } = object
  return { apiVersion, kind: kindName, metadata, ...rest }
}

export function reportUnknown(
  { target, options, duplicates, warnings, applied }: Write,
  unknown: readonly string[],
): void {
  if (options.fieldValidation === 'Ignore' || applied === true) return
  const findings = [
    ...unknown.map((path) => `unknown field "${path}"`),
    ...duplicates.map((path) => `duplicate field "${path}"`),
  ]
  if (findings.length === 0) return
  if (options.fieldValidation === 'Strict') {
    const { kind, version } = target
    throw badRequest(
      `${kind.kind} in version "${version.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${findings.join(', ')}`,
    )
  }
  warnings.push(...findings)
}

/** PUT of a custom resource has to say which version it replaces (rest.AllowUnconditionalUpdate is false for them). */
export function requireVersion(target: Target, body: ApiObject, name: string): void {
  if (target.kind.behaviour.unconditionalUpdate === true || at(body, 'metadata', 'resourceVersion')) return
  throw invalid(target.kind, name, [
    {
      field: 'metadata.resourceVersion',
      reason: 'FieldValueInvalid',
      message: 'Invalid value: 0x0: must be specified for an update',
    },
  ])
}
