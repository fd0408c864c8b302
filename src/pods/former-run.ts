import { KubeApiError, type KubeClient } from '../kube/index.ts'
import { DEPLOYMENTS, type Deployment, isReady, PODS, type Pod, timestamp } from './types.ts'

/**
 * Takes back what a former run said of Pods that ended with it, as the node lifecycle controller does with the Pods of a node that is
 * gone (MarkPodsNotReady): until they run again they get no traffic, and who waits for a Deployment waits for this run's Pods.
 */
export async function markNotReady(kube: KubeClient): Promise<void> {
  const [pods, deployments] = await Promise.all([kube.list<Pod>(PODS), kube.list<Deployment>(DEPLOYMENTS)])
  await Promise.all([
    ...pods.items.filter(isReady).map((pod) => patchStatus(kube, PODS, pod, { conditions: conditionsOf(pod) })),
    ...deployments.items
      .filter(({ status }) => (status?.availableReplicas ?? 0) > 0)
      .map((each) =>
        patchStatus(kube, DEPLOYMENTS, each, {
          readyReplicas: 0,
          availableReplicas: 0,
          unavailableReplicas: each.status?.replicas ?? 0,
        }),
      ),
  ])
}

function conditionsOf(pod: Pod) {
  const lastTransitionTime = timestamp()
  return pod.status?.conditions?.map((each) =>
    each.type === 'Ready' ? { ...each, status: 'False', reason: 'NodeNotReady', lastTransitionTime } : each,
  )
}

async function patchStatus(kube: KubeClient, type: typeof PODS, object: Pod | Deployment, status: object) {
  const { name, namespace } = object.metadata
  try {
    await kube.patch(type, { name, namespace }, 'merge', { status }, { subresource: 'status' })
  } catch (error) {
    if (!(error instanceof KubeApiError && error.notFound)) throw error
  }
}
