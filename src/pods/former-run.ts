import { messageOf } from '../errors.ts'
import { KubeApiError, type KubeClient } from '../kube/index.ts'
import { logger } from '../telemetry/log.ts'
import {
  DEPLOYMENTS,
  type Deployment,
  isReady,
  type LegacyCondition,
  PODS,
  type Pod,
  type PodStatus,
  timestamp,
} from './types.ts'

const log = logger('pods')

/**
 * Takes back what a former run said of Pods that ended with it, as the node lifecycle controller does with the Pods of a node that is
 * gone (MarkPodsNotReady): until they run again they get no traffic, and who waits for a Deployment waits for this run's Pods.
 */
export async function markNotReady(kube: KubeClient): Promise<void> {
  const [pods, deployments] = await Promise.all([kube.list<Pod>(PODS), kube.list<Deployment>(DEPLOYMENTS)])
  const available = deployments.items.filter(({ status }) => (status?.availableReplicas ?? 0) > 0)
  await Promise.all([
    ...pods.items.filter(isReady).map((pod) => patchStatus(kube, PODS, pod, notReady(pod.status))),
    ...available.map((each) => patchStatus(kube, DEPLOYMENTS, each, unavailable(each.status))),
  ])
}

function notReady(before: PodStatus | undefined) {
  return { conditions: changed(before?.conditions, 'Ready', 'NodeNotReady') }
}

/** Until the controller has counted: `kubectl wait` looks at the condition, `kubectl rollout status` at the numbers. */
function unavailable(before: Deployment['status']) {
  const message = 'Deployment does not have minimum availability.'
  return {
    readyReplicas: 0,
    availableReplicas: 0,
    unavailableReplicas: before?.replicas ?? 0,
    conditions: changed(before?.conditions, 'Available', 'MinimumReplicasUnavailable', message),
  }
}

/** With the one of this type turned to False. */
function changed(all: readonly LegacyCondition[] | undefined, type: string, reason: string, message?: string) {
  const told = { status: 'False', reason, message, lastTransitionTime: timestamp() }
  return all?.map((each) => (each.type === type ? { ...each, ...told } : each))
}

async function patchStatus(kube: KubeClient, type: typeof PODS, object: Pod | Deployment, status: object) {
  const { name, namespace } = object.metadata
  try {
    await kube.patch(type, { name, namespace }, 'merge', { status }, { subresource: 'status' })
  } catch (error) {
    if (error instanceof KubeApiError && error.notFound) return
    // The controllers will say how it is soon; to start no Pods at all would be worse.
    log.warn({ namespace, name }, `what a former run said of it stays for now: ${messageOf(error)}`)
  }
}
