/** PATCH in its four forms. */
import { clone, type Json } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { jsonPatch } from '../patch/json.ts'
import { mergePatch } from '../patch/merge.ts'
import { strategicMergePatch } from '../patch/strategic.ts'
import { badRequest, unsupportedMediaType } from '../status.ts'

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

/** Custom resources have no strategic merge; kubectl prints the 415 and stops. */
export function patchType(target: Target, contentType: string): PatchType {
  const type = TYPES[contentType.split(';')[0].trim().toLowerCase()]
  if (type === undefined || (type === 'strategic' && !target.kind.builtin)) {
    throw unsupportedMediaType(Object.keys(TYPES).filter((name) => target.kind.builtin || TYPES[name] !== 'strategic'))
  }
  return type
}

export function applyPatch(type: Exclude<PatchType, 'apply'>, target: Target, old: ApiObject, patch: Json): ApiObject {
  const result =
    type === 'json'
      ? jsonPatch(old, patch)
      : type === 'merge'
        ? mergePatch(old, patch)
        : strategicMergePatch(old, patch, target.version.schema.openapi)
  if (typeof result !== 'object' || result === null || Array.isArray(result))
    throw badRequest('the patched object is not an object')
  return clone(result) as unknown as ApiObject
}
