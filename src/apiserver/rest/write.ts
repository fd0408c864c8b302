/** Create and update: from a decoded body to a stored object. All synchronous, so each is one transaction. */
import { randomUUID } from 'node:crypto'
import { admit } from '../../resources/admit/index.ts'
import { trackUpdate } from '../apply/track.ts'
import { at, clone, deepEqual, timestamp } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject, Metadata } from '../object.ts'
import { storageTarget } from '../registry.ts'
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  forbidden,
  forbiddenField,
  invalid,
  notFound,
} from '../status.ts'
import type { Entry } from '../store/entry.ts'
import type { Api } from './context.ts'
import { inVersion } from './context.ts'
import { generateName, validateMetadata } from './metadata.ts'
import type { WriteOptions } from './options.ts'

/** One write in the making. */
export interface Write {
  readonly target: Target
  readonly namespace: string
  readonly subresource: string
  readonly options: WriteOptions
  /** Duplicate keys that were seen in the text of the body. */
  readonly duplicates: readonly string[]
  readonly warnings: string[]
  /** Server-side apply computes managedFields itself. */
  readonly applied?: boolean
}

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

export function readyToGo(object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = object.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) return false
  if (object.kind === 'Namespace' && object.apiVersion === 'v1') return (object['spec']?.finalizers ?? []).length === 0
  return (deletionGracePeriodSeconds ?? 0) === 0
}

function checkIdentity(write: Write, object: ApiObject, name: string | undefined): ApiObject {
  const { target, namespace } = write
  const { kind } = target
  if (kind.builtin) {
    // Typed clients (client-node, Python) leave these out of bodies of built-in kinds.
    object.apiVersion ||= target.apiVersion
    object.kind ||= kind.kind
  } else if (!object.kind) {
    throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(object).slice(0, 200)}'`)
  }
  if (object.apiVersion !== target.apiVersion) {
    throw badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${target.apiVersion})`,
    )
  }
  if (object.kind !== kind.kind) {
    throw badRequest(`${kind.kind} in version "${target.version.version}" cannot be handled as a ${object.kind}`)
  }
  object.metadata ??= { name: '' }
  const { metadata } = object
  if (typeof metadata !== 'object' || Array.isArray(metadata)) throw badRequest('metadata must be an object')
  if (kind.namespaced) {
    metadata.namespace ||= namespace
    if (metadata.namespace !== namespace) {
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
    }
  } else delete metadata.namespace
  if (name !== undefined) {
    metadata.name ||= name
    if (metadata.name !== name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
    }
  }
  return object
}

/** Objects live in a namespace that exists and is not going away. */
function checkNamespace(api: Api, { target, namespace }: Write, name: string): void {
  if (!target.kind.namespaced) return
  const entry = api.store.get('namespaces', '', namespace)
  if (entry === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace)
  if (entry.object.metadata.deletionTimestamp !== undefined) {
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`
    throw forbidden(target.kind, name, why, [
      // client-go's HasStatusCause: controllers then stop trying.
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ])
  }
}

function freeName(api: Api, { target, namespace }: Write, base: string): string {
  for (let i = 0; i < 8; i++) {
    const name = generateName(base)
    if (api.store.get(target.kind.storage, namespace, name) === undefined) return name
  }
  throw alreadyExists(target.kind, base)
}

function resetSystemFields(metadata: Metadata): void {
  for (const field of [
    'uid',
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
  ] as const) {
    delete (metadata as unknown as Record<string, unknown>)[field]
  }
}

const SYSTEM_FIELDS = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'generateName',
] as const

function keepSystemFields(metadata: Metadata, old: Metadata): void {
  const to = metadata as unknown as Record<string, unknown>
  const from = old as unknown as Record<string, unknown>
  for (const field of SYSTEM_FIELDS) {
    if (from[field] === undefined) delete to[field]
    else to[field] = from[field]
  }
  delete to['selfLink']
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
  if (write.applied !== true) {
    trackUpdate(object, old, target, options.fieldManager, subresource)
  }
  const { apiVersion, kind: kindName, metadata, ...rest } = object
  return { apiVersion, kind: kindName, metadata, ...rest }
}

function dropEmptyMetadata(metadata: Metadata): void {
  const fields = metadata as unknown as Record<string, unknown>
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    const empty = value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
    // An empty managedFields resets the ownership, so it has to be seen.
    if (empty && key !== 'managedFields') delete fields[key]
  }
}

export function reportUnknown({ options, duplicates, warnings, applied }: Write, unknown: readonly string[]): void {
  if (options.fieldValidation === 'Ignore' || applied === true) return
  const findings = [
    ...unknown.map((path) => `unknown field "${path}"`),
    ...duplicates.map((path) => `duplicate field "${path}"`),
  ]
  if (findings.length === 0) return
  if (options.fieldValidation === 'Strict') throw badRequest(`strict decoding error: ${findings.join(', ')}`)
  warnings.push(...findings)
}

function newFinalizers(metadata: Metadata, old: Metadata): FieldError[] {
  if (old.deletionTimestamp === undefined) return []
  const added = (metadata.finalizers ?? []).filter((finalizer) => !(old.finalizers ?? []).includes(finalizer))
  if (added.length === 0) return []
  const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`
  return [
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
    ),
  ]
}

/** Times inside managedFields alone are no change: an apply that changes nothing must not wake every watcher. */
function sameButForTimes(a: ApiObject, b: ApiObject): boolean {
  if (deepEqual(a, b)) return true
  const strip = (object: ApiObject) => ({
    ...object,
    metadata: {
      ...object.metadata,
      managedFields: object.metadata.managedFields?.map(({ time: _, ...entry }) => entry),
    },
  })
  return deepEqual(strip(a), strip(b))
}

/** Custom resources: anything outside metadata (and status, when it has its own endpoint). Built-in kinds name their fields. */
function generationChanged(target: Target, subresource: string, object: ApiObject, old: ApiObject): boolean {
  if (subresource === 'status') return false
  const fields = target.kind.behaviour.generationOf
  if (fields !== undefined) return fields.some((field) => !deepEqual(object[field], old[field]))
  if (target.kind.builtin) return false
  const content = (value: ApiObject) => {
    const { metadata: _, status, ...rest } = value
    return target.version.status ? rest : { ...rest, status }
  }
  return !deepEqual(content(object), content(old))
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
