import type { Extension, TargetRef } from '../model/extension.ts'
import type { Mesh } from '../model/mesh.ts'

/** Why a reference leads nowhere. */
export interface RefProblem {
  readonly reason: string
  readonly message: string
}

/** The first reference of an extension that does not hold: its pull secret, its targets. */
export function referenceProblem(mesh: Mesh, extension: Extension): RefProblem | undefined {
  return secretProblem(mesh, extension) ?? targetProblem(mesh, extension)
}

function secretProblem(mesh: Mesh, { namespace, wasm }: Extension): RefProblem | undefined {
  const name = wasm?.imagePullSecret ?? ''
  if (name === '' || mesh.pullSecret(namespace, name) !== undefined) return undefined
  const secret = mesh.get('secret', `${namespace}/${name}`)
  if (secret === undefined) return { reason: 'SecretNotFound', message: `secret ${namespace}/${name} does not exist` }
  const message = `secret ${namespace}/${name} must be of type kubernetes.io/dockerconfigjson with key .dockerconfigjson`
  return { reason: 'InvalidSecret', message }
}

function targetProblem(mesh: Mesh, { namespace, targetRefs }: Extension): RefProblem | undefined {
  const missing = targetRefs.filter((ref) => !exists(mesh, ref, namespace))
  if (missing.length === 0) return undefined
  const names = missing.map(({ group, kind, name }) => `${group === '' ? 'core' : group}/${kind} ${name}`)
  return { reason: 'TargetNotFound', message: `not found in namespace ${namespace}: ${names.join(', ')}` }
}

function exists(mesh: Mesh, { group, kind, name }: TargetRef, namespace: string): boolean {
  const key = `${namespace}/${name}`
  if (kind === 'Gateway') return mesh.get('gateway', key) !== undefined
  if (kind === 'GatewayClass') return mesh.get('gatewayClass', name) !== undefined
  if (kind === 'Service' && (group === '' || group === 'core')) return mesh.get('service', key) !== undefined
  if (kind === 'ServiceEntry') return mesh.get('serviceEntry', key) !== undefined
  return false
}
