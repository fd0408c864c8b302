import { type Deployment, isReady, type Pod } from '../types.ts'

/** What to do to bring the Pods of a Deployment nearer to what it asks for. */
export interface Plan {
  readonly create: number
  readonly remove: readonly Pod[]
}

export interface Fleet {
  /** Of the present template, not being deleted. */
  readonly current: readonly Pod[]
  /** Of earlier templates, not being deleted. */
  readonly old: readonly Pod[]
  /** Being deleted, of any template. */
  readonly terminating: readonly Pod[]
}

/**
 * One step of a rollout, as `k8s.io/kubernetes/pkg/controller/deployment` (rolling.go, recreate.go) has it, with a template's
 * Pods in the place of its ReplicaSet.
 */
export function plan(deployment: Deployment, fleet: Fleet, nowMs: number): Plan {
  const desired = deployment.spec.replicas ?? 1
  const { current, old } = fleet
  const available = (pod: Pod) => isAvailable(pod, deployment.spec.minReadySeconds ?? 0, nowMs)
  const surplus = byDispensability(current, available).slice(0, Math.max(0, current.length - desired))
  const missing = desired - current.length

  if (deployment.spec.paused === true && old.length > 0) return { create: 0, remove: [] }
  if (deployment.spec.strategy?.type === 'Recreate') {
    if (old.length > 0) return { create: 0, remove: [...old, ...surplus] }
    const clear = fleet.terminating.length === 0 || current.length > 0
    return { create: clear ? Math.max(0, missing) : 0, remove: surplus }
  }

  const { maxSurge, maxUnavailable } = limits(deployment, desired)
  const total = current.length + old.length
  const create = Math.max(0, Math.min(missing, desired + maxSurge - total))

  const minAvailable = desired - maxUnavailable
  const currentUnavailable = current.filter((pod) => !available(pod)).length
  let removable = total - minAvailable - currentUnavailable
  const remove = [...surplus]
  // Old Pods that do not serve go first: they cost no availability.
  for (const pod of old) {
    if (removable <= 0) break
    if (available(pod)) continue
    remove.push(pod)
    removable--
  }
  let spare = [...current, ...old].filter(available).length - minAvailable
  for (const pod of old) {
    if (spare <= 0) break
    if (!available(pod)) continue
    remove.push(pod)
    spare--
  }
  return { create, remove }
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  if (!isReady(pod)) return false
  if (minReadySeconds === 0) return true
  return nowMs >= readySince(pod) + minReadySeconds * 1000
}

export function readySince(pod: Pod): number {
  const ready = pod.status?.conditions?.find((each) => each.type === 'Ready')
  return Date.parse(ready?.lastTransitionTime ?? '')
}

/** Not available before available, younger before older (controller_utils.go ActivePods). */
function byDispensability(pods: readonly Pod[], available: (pod: Pod) => boolean): Pod[] {
  const age = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '')
  return [...pods].sort((a, b) => Number(available(a)) - Number(available(b)) || age(b) - age(a))
}

/** maxSurge rounds up, maxUnavailable down; both 0 would never move, so then one may be unavailable. */
export function limits(deployment: Deployment, desired: number): { maxSurge: number; maxUnavailable: number } {
  const given = deployment.spec.strategy?.rollingUpdate
  const maxSurge = scaled(given?.maxSurge ?? '25%', desired, Math.ceil)
  const maxUnavailable = scaled(given?.maxUnavailable ?? '25%', desired, Math.floor)
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, desired) }
}

function scaled(value: number | string, of: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value
  return round((Number.parseInt(value, 10) / 100) * of)
}
