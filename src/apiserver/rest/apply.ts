/** Server-side apply (managedfields and structured-merge-diff merge.Updater). */
import { FieldSet, showPath } from '../apply/field-set.ts'
import { type Manager, readManagers, sameManager, writeManagers } from '../apply/managers.ts'
import { mergeTyped, removeFields, withoutNulls } from '../apply/merge.ts'
import { ownable } from '../apply/scope.ts'
import { compare, toFieldSet, typedSchema } from '../apply/typed.ts'
import { clone, type Json, timestamp } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { ApiError, badRequest, type Cause } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import { type Api, inVersion, type Write } from './context.ts'
import { createObject, reportUnknown, updateObject } from './write.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export function applyObject(
  api: Api,
  write: Write,
  entry: Entry | undefined,
  name: string,
  body: ApiObject,
): ApiObject {
  if (!body.apiVersion || !body.kind) throw badRequest('apiVersion and kind must be set in an applied configuration')
  if (body.metadata?.managedFields !== undefined && body.metadata.managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil')
  }
  const config = withoutNulls(body as unknown as Json) as unknown as ApiObject
  config.metadata ??= { name }
  const { target, subresource, options } = write
  const { schema } = target.version
  reportUnknown(write, schema.prune(config))
  if (subresource === '' && target.version.status) delete config['status']
  const mine = {
    manager: options.fieldManager,
    operation: 'Apply',
    apiVersion: target.apiVersion,
    subresource,
  } as const
  const typed = typedSchema(schema.openapi)
  const fields = ownable(toFieldSet(config, typed), target, subresource)

  if (entry === undefined) {
    if (subresource !== '') throw new ApiError(404, 'NotFound', `${target.kind.plural} "${name}" not found`)
    config.metadata.managedFields = writeManagers([{ ...mine, fields, time: timestamp() }])
    return createObject(api, { ...write, applied: true }, config, name)
  }
  const live = inVersion(target, entry.object)
  const managers = knownManagers(live, write)
  const before = managers.find((one) => sameManager(one, mine))
  const others = managers.filter((one) => one !== before)

  const merged = mergeTyped(live as unknown as Json, config as unknown as Json, typed)
  const owned = others.reduce((all, one) => all.union(one.fields), fields)
  const gone = before === undefined ? new FieldSet() : before.fields.difference(owned)
  const result = clone(removeFields(merged, gone, owned, typed)) as unknown as ApiObject

  const { changed, removed } = compare(live, result, typed)
  const conflicts = others
    .map((one) => ({ one, fields: one.fields.intersection(changed) }))
    .filter((found) => !found.fields.empty)
  if (!options.force) refuse(conflicts, write, live)
  const kept = others.map((one): Manager => ({ ...one, fields: one.fields.difference(changed).difference(removed) }))
  const time = before?.fields.equals(fields) === true && changed.empty && removed.empty ? before.time : timestamp()
  result.metadata.managedFields = writeManagers([...kept, { ...mine, fields, time }])
  if (options.fieldManager === 'kubectl') keepLastApplied(result, config)
  // Otherwise the version that was merged into would always be its own precondition.
  if (config.metadata.resourceVersion === undefined) delete result.metadata.resourceVersion
  return updateObject(api, { ...write, applied: true }, entry, result)
}

/** An object from before anybody was tracked belongs to `before-first-apply`, so that applying over it conflicts. */
function knownManagers(live: ApiObject, { target, subresource }: Write): Manager[] {
  const managers = readManagers(live.metadata.managedFields)
  if (managers.length > 0) return managers
  const fields = ownable(toFieldSet(live, typedSchema(target.version.schema.openapi)), target, subresource)
  return [
    {
      manager: 'before-first-apply',
      operation: 'Update',
      apiVersion: target.apiVersion,
      subresource: '',
      time: timestamp(),
      fields,
    },
  ]
}

interface Conflict {
  readonly one: Manager
  readonly fields: FieldSet
}

function refuse(all: readonly Conflict[], write: Write, live: ApiObject): void {
  const allowed = write.options.fieldManager === 'kubectl' ? lastAppliedFields(live, write) : new FieldSet()
  const conflicts = all
    .map(({ one, fields }) => ({ one, fields: fields.difference(allowed) }))
    .filter(({ fields }) => !fields.empty)
  if (conflicts.length === 0) return
  const causes: Cause[] = []
  const lines: string[] = []
  for (const { one, fields } of conflicts) {
    const who = describe(one)
    lines.push(`conflicts with ${who}:`)
    for (const path of fields.paths()) {
      causes.push({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field: showPath(path) })
      lines.push(`- ${showPath(path)}`)
    }
  }
  const [{ message, field }] = causes
  const text =
    causes.length === 1 ? `1 conflict: ${message}: ${field}` : `${causes.length} conflicts: ${lines.join('\n')}`
  throw new ApiError(409, 'Conflict', `Apply failed with ${text}`, { causes })
}

function describe({ manager, operation, apiVersion, subresource }: Manager): string {
  const via = subresource === '' ? '' : ` with subresource "${subresource}"`
  return operation === 'Apply' ? `"${manager}"${via}` : `"${manager}"${via} using ${apiVersion}`
}

/**
 * Going over from client-side to server-side apply: fields that still have the value kubectl last applied are kubectl's own,
 * whoever they are recorded under (managedfields lastappliedmanager.go).
 */
function lastAppliedFields(live: ApiObject, { target }: Write): FieldSet {
  const last = lastApplied(live)
  if (last === undefined) return new FieldSet()
  const schema = typedSchema(target.version.schema.openapi)
  const { changed, removed } = compare(live, last, schema)
  return toFieldSet(last, schema).difference(changed).difference(removed)
}

function lastApplied(live: ApiObject): unknown {
  const text = live.metadata.annotations?.[LAST_APPLIED]
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** So that a client-side apply afterwards compares with what was really applied last (lastappliedupdater.go). */
function keepLastApplied(result: ApiObject, config: ApiObject): void {
  const { annotations } = result.metadata
  if (annotations?.[LAST_APPLIED] === undefined) return
  const { [LAST_APPLIED]: _, ...given } = config.metadata.annotations ?? {}
  const bare = { ...config, metadata: { ...config.metadata, annotations: given } }
  annotations[LAST_APPLIED] = `${JSON.stringify(bare)}\n`
}
