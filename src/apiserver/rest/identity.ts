/** Whether a body is what the URL says, and may live where the URL says. */
import type { ApiObject } from '../object.ts'
import { alreadyExists, badRequest, forbidden, notFound } from '../status.ts'
import type { Api, Write } from './context.ts'
import { generateName } from './metadata.ts'

export function checkIdentity(write: Write, object: ApiObject, name: string | undefined): ApiObject {
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
export function checkNamespace(api: Api, { target, namespace }: Write, name: string): void {
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

export function freeName(api: Api, { target, namespace }: Write, base: string): string {
  for (let i = 0; i < 8; i++) {
    const name = generateName(base)
    if (api.store.get(target.kind.storage, namespace, name) === undefined) return name
  }
  throw alreadyExists(target.kind, base)
}
