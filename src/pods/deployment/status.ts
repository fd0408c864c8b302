import { type Deployment, isReady, type LegacyCondition, timestamp } from '../types.ts'
import { type Fleet, isAvailable, limits } from './rollout.ts'

type Status = NonNullable<Deployment['status']>

/** The status that a Deployment has with these Pods; conditions keep their times while nothing about them changes. */
export function statusOf(deployment: Deployment, fleet: Fleet, nowMs: number): Status {
  const pods = [...fleet.current, ...fleet.old]
  const desired = deployment.spec.replicas ?? 1
  const available = pods.filter((pod) => isAvailable(pod, deployment.spec.minReadySeconds ?? 0, nowMs)).length
  const counts = {
    replicas: pods.length,
    updatedReplicas: fleet.current.length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, Math.max(pods.length, desired) - available),
  }
  const before = deployment.status ?? {}
  return {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...counts,
    conditions: [
      keepTimes(before, availability(available, desired - limits(deployment, desired).maxUnavailable)),
      keepTimes(before, progress(deployment, before, counts, nowMs)),
    ],
  }
}

function availability(available: number, minimum: number): LegacyCondition {
  return available >= minimum
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      }
}

function progress(deployment: Deployment, before: Status, counts: Status, nowMs: number): LegacyCondition {
  const { name } = deployment.metadata
  const desired = deployment.spec.replicas ?? 1
  const complete =
    counts.updatedReplicas === desired && counts.replicas === desired && counts.availableReplicas === desired
  const told = before.conditions?.find((each) => each.type === 'Progressing')
  if (complete) {
    const message = `Deployment "${name}" has successfully progressed.`
    return { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message }
  }
  const moved =
    before.observedGeneration !== deployment.metadata.generation ||
    before.updatedReplicas !== counts.updatedReplicas ||
    before.readyReplicas !== counts.readyReplicas ||
    before.availableReplicas !== counts.availableReplicas
  const since = Date.parse(told?.lastUpdateTime ?? timestamp(new Date(nowMs)))
  const late = nowMs > since + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000
  if (late && !moved && told?.reason !== 'NewReplicaSetAvailable') {
    const message = `Deployment "${name}" has timed out progressing.`
    return { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message }
  }
  if (told?.status === 'True' && !moved) return told
  const message = `Deployment "${name}" is progressing.`
  return {
    type: 'Progressing',
    status: 'True',
    reason: 'ReplicaSetUpdated',
    message,
    lastUpdateTime: timestamp(new Date(nowMs)),
  }
}

function keepTimes(before: Status, condition: LegacyCondition): LegacyCondition {
  const old = before.conditions?.find((each) => each.type === condition.type)
  const now = timestamp()
  const same = old?.status === condition.status && old.reason === condition.reason && old.message === condition.message
  return {
    ...condition,
    lastUpdateTime: same ? (condition.lastUpdateTime ?? old.lastUpdateTime ?? now) : now,
    lastTransitionTime: old?.status === condition.status ? (old.lastTransitionTime ?? now) : now,
  }
}
