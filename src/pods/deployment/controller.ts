import { messageOf } from '../../errors.ts'
import { type Informer, KubeApiError, type KubeClient, keyOf, type ObjectMeta } from '../../kube/index.ts'
import type { EventRecorder } from '../event-recorder.ts'
import { contentHash, randomSuffix } from '../names.ts'
import { DEPLOYMENTS, type Deployment, isFinished, isReady, NODE_NAME, PODS, type Pod } from '../types.ts'
import { WorkQueue } from '../work-queue.ts'
import { type Fleet, isAvailable, plan, readySince } from './rollout.ts'
import { statusOf } from './status.ts'

const HASH_LABEL = 'pod-template-hash'

/**
 * Keeps as many Pods of a Deployment's template as it asks for. Kubernetes puts a ReplicaSet between the two to be able to go
 * back to an earlier template; here the Pods belong to the Deployment itself, and the template's hash is on each.
 */
export class DeploymentController {
  readonly #kube: KubeClient
  readonly #deployments: Informer<Deployment>
  readonly #pods: Informer<Pod>
  readonly #events: EventRecorder
  readonly #queue: WorkQueue
  /** Created by us and not yet seen in the informer, by uid: without them a slow watch would make us create twice. */
  readonly #created = new Map<string, Pod>()
  /** uids that we asked to delete. */
  readonly #deleted = new Set<string>()

  constructor(kube: KubeClient, deployments: Informer<Deployment>, pods: Informer<Pod>, events: EventRecorder) {
    this.#kube = kube
    this.#events = events
    this.#deployments = deployments
    this.#pods = pods
    this.#queue = new WorkQueue((key) => this.#reconcile(key))
  }

  /** Call when both informers are in sync: a Deployment may have gone while nobody watched. */
  start(): void {
    this.#deployments.onChange(({ type, object }) => {
      if (type === 'deleted') this.#removeOrphans(object.metadata.uid)
      else this.#queue.add(keyOf(object))
    })
    this.#pods.onChange(({ type, object }) => {
      const uid = object.metadata.uid ?? ''
      this.#created.delete(uid)
      if (type === 'deleted') this.#deleted.delete(uid)
      const owner = ownerOf(object)
      if (owner !== undefined) this.#queue.add(`${object.metadata.namespace}/${owner.name}`)
    })
    const uids = new Set(this.#deployments.values().map((each) => each.metadata.uid))
    for (const pod of this.#pods.values()) {
      const owner = ownerOf(pod)
      if (owner !== undefined && !uids.has(owner.uid)) this.#delete(pod)
    }
    for (const key of this.#deployments.store.keys()) this.#queue.add(key)
  }

  close(): void {
    this.#queue.close()
  }

  async #reconcile(key: string): Promise<number | undefined> {
    const deployment = this.#deployments.store.get(key)
    if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return undefined
    const hash = contentHash(deployment.spec.template)
    const step = plan(deployment, this.#fleetOf(deployment, hash), Date.now())
    for (let i = 0; i < step.create; i++) await this.#create(deployment, hash)
    for (const pod of step.remove) this.#delete(pod)

    const fleet = this.#fleetOf(deployment, hash)
    const status = statusOf(deployment, fleet, Date.now())
    if (JSON.stringify(deployment.status ?? {}) !== JSON.stringify({ ...deployment.status, ...status })) {
      const target = { name: deployment.metadata.name, namespace: deployment.metadata.namespace }
      await this.#kube.patch(DEPLOYMENTS, target, 'merge', { status }, { subresource: 'status' }).catch(unlessGone)
    }
    return this.#pauseMs(deployment, fleet)
  }

  /** When to look again without a change: a Pod becomes available, or progress has taken too long. */
  #pauseMs(deployment: Deployment, fleet: Fleet): number | undefined {
    const minReady = deployment.spec.minReadySeconds ?? 0
    const now = Date.now()
    const pods = [...fleet.current, ...fleet.old]
    const waiting = pods.filter((pod) => isReady(pod) && !isAvailable(pod, minReady, now))
    if (waiting.length > 0) return Math.min(...waiting.map((pod) => readySince(pod) + minReady * 1000 - now)) + 1
    const complete = pods.length === (deployment.spec.replicas ?? 1) && pods.every(isReady)
    return complete ? undefined : (deployment.spec.progressDeadlineSeconds ?? 600) * 1000 + 1000
  }

  #fleetOf(deployment: Deployment, hash: string): Fleet {
    const uid = deployment.metadata.uid
    const all = [...this.#pods.values(), ...this.#created.values()].filter(
      (pod) => ownerOf(pod)?.uid === uid && !isFinished(pod),
    )
    const gone = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined || this.#deleted.has(pod.metadata.uid ?? '')
    const live = all.filter((pod) => !gone(pod))
    return {
      current: live.filter((pod) => pod.metadata.labels?.[HASH_LABEL] === hash),
      old: live.filter((pod) => pod.metadata.labels?.[HASH_LABEL] !== hash),
      terminating: all.filter(gone),
    }
  }

  async #create(deployment: Deployment, hash: string): Promise<void> {
    const { template } = deployment.spec
    const { name, namespace, uid } = deployment.metadata
    const metadata: ObjectMeta = {
      annotations: template.metadata?.annotations,
      labels: { ...template.metadata?.labels, [HASH_LABEL]: hash },
      name: `${name}-${hash}-${randomSuffix()}`,
      namespace,
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name, uid: uid ?? '', controller: true, blockOwnerDeletion: true },
      ],
    }
    const spec = { ...template.spec, nodeName: template.spec.nodeName ?? NODE_NAME }
    const pod = await this.#kube
      .create<Pod>(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
      .catch((error: unknown) => {
        const message = `Error creating: ${messageOf(error)}`
        this.#events.record(deployment, { type: 'Warning', reason: 'FailedCreate', message }, 'deployment-controller')
        throw error
      })
    if (!this.#pods.store.has(keyOf(pod))) this.#created.set(pod.metadata.uid ?? '', pod)
  }

  #delete(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    if (this.#deleted.has(uid)) return
    this.#deleted.add(uid)
    const { name, namespace } = pod.metadata
    this.#kube.delete(PODS, { name, namespace }).catch((error) => {
      this.#deleted.delete(uid)
      const owner = ownerOf(pod)
      if (!(error instanceof KubeApiError && error.notFound) && owner !== undefined) {
        this.#queue.add(`${namespace}/${owner.name}`)
      }
    })
  }

  #removeOrphans(uid: string | undefined): void {
    for (const pod of [...this.#pods.values(), ...this.#created.values()]) {
      if (ownerOf(pod)?.uid === uid) this.#delete(pod)
    }
  }
}

function ownerOf(pod: Pod) {
  return pod.metadata.ownerReferences?.find((each) => each.controller === true && each.kind === 'Deployment')
}

function unlessGone(error: unknown): void {
  if (!(error instanceof KubeApiError && error.notFound)) throw error
}
