/** The scale subresource: autoscaling/v1 Scale over three paths of the object. */
import { at, clone, type JsonObject, setOwn } from '../json.ts'
import type { ScalePaths } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { formatLabelSelector, type LabelSelector } from '../selectors.ts'
import { badRequest } from '../status.ts'

function keys(path: string): string[] {
  return path.split('.').filter((part) => part !== '')
}

export function scaleOf(object: ApiObject, paths: ScalePaths): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const spec: JsonObject = { replicas: Number(at(object, ...keys(paths.spec)) ?? 0) }
  const status: JsonObject = { replicas: Number(at(object, ...keys(paths.status)) ?? 0) }
  if (paths.selector !== undefined) {
    const selector = at(object, ...keys(paths.selector))
    status['selector'] =
      typeof selector === 'string' ? selector : formatLabelSelector(selector as LabelSelector | undefined)
  }
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as ApiObject['metadata'],
    spec,
    status,
  }
}

/** The object with the Scale's replicas and resourceVersion. */
export function withScale(object: ApiObject, scale: ApiObject, paths: ScalePaths): ApiObject {
  const replicas = scale['spec']?.replicas ?? 0
  if (!Number.isInteger(replicas)) throw badRequest('spec.replicas must be an integer')
  const result = clone(object)
  const path = keys(paths.spec)
  let here: Record<string, unknown> = result
  for (const key of path.slice(0, -1)) {
    if (typeof here[key] !== 'object' || here[key] === null) setOwn(here, key, {})
    here = here[key] as Record<string, unknown>
  }
  setOwn(here, path[path.length - 1], replicas)
  if (scale.metadata?.resourceVersion) result.metadata.resourceVersion = scale.metadata.resourceVersion
  return result
}
