import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { type Informer, KubeApiError, keyOf } from '../../kube/index.ts'
import { logger } from '../../telemetry/log.ts'
import { isFinished, NODE_NAME, PODS, type Pod } from '../types.ts'
import { PodRunner, type RunnerContext } from './pod-runner.ts'

const log = logger('pods')

/** Scheduler and kubelet of the only node: runs every Pod that is not some other node's. */
export class Kubelet {
  readonly #context: RunnerContext
  readonly #pods: Informer<Pod>
  /** By uid: a new Pod may have the name of one that is still ending. */
  readonly #runners = new Map<string, PodRunner>()
  readonly #ending = new Map<string, Promise<void>>()
  #closed = false

  constructor(pods: Informer<Pod>, context: RunnerContext) {
    this.#pods = pods
    this.#context = context
  }

  /** Call when the informer is in sync. */
  start(): void {
    this.#pods.onChange(({ type, object }) => this.#see(object, type === 'deleted'))
    this.#sweepLogs()
    for (const pod of this.#pods.values()) this.#see(pod, false)
  }

  /** The running Pod of that name. */
  runner(namespace: string, name: string): PodRunner | undefined {
    const uid = this.#pods.store.get(`${namespace}/${name}`)?.metadata.uid
    return uid === undefined ? undefined : this.#runners.get(uid)
  }

  /** Ends all Pods, each within its own grace period and none later than `limitMs`; their objects stay. */
  async close(limitMs: number): Promise<void> {
    this.#closed = true
    const all = [...this.#runners.values()]
    for (const runner of all) runner.mute()
    await Promise.all([
      ...all.map((each) => each.stop(Math.min(limitMs, graceMsOf(each.pod)))),
      ...this.#ending.values(),
    ])
  }

  /** Logs of Pods that went while nobody watched. */
  #sweepLogs(): void {
    const uids = new Set(this.#pods.values().map((pod) => pod.metadata.uid))
    for (const entry of readdirSync(this.#context.logDir, { withFileTypes: true })) {
      const uid = entry.name.slice(entry.name.lastIndexOf('_') + 1)
      if (entry.isDirectory() && !uids.has(uid))
        rmSync(join(entry.parentPath, entry.name), { recursive: true, force: true })
    }
  }

  #see(pod: Pod, deleted: boolean): void {
    if (this.#closed) return
    const uid = pod.metadata.uid ?? ''
    const runner = this.#runners.get(uid)
    if (deleted) {
      // By force, perhaps while it was ending: nobody waits for it any more. After an ordinary end there is nothing left to stop.
      if (this.#ending.has(uid)) void runner?.stop(0)
      else if (runner !== undefined) this.#end(uid, runner, 0)
      return
    }
    const node = pod.spec.nodeName
    if (node !== undefined && node !== '' && node !== NODE_NAME) return
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (this.#ending.has(uid)) return
      if (runner === undefined) void this.#remove(pod)
      else this.#end(uid, runner, graceMsOf(pod))
      return
    }
    if (runner !== undefined) runner.update(pod)
    else if (!isFinished(pod) && !this.#ending.has(uid)) this.#begin(uid, pod)
  }

  #begin(uid: string, pod: Pod): void {
    const runner = new PodRunner(pod, this.#context)
    this.#runners.set(uid, runner)
    if (pod.status?.startTime === undefined) {
      const message = `Successfully assigned ${keyOf(pod)} to ${NODE_NAME}`
      this.#context.events.record(pod, { type: 'Normal', reason: 'Scheduled', message }, 'default-scheduler')
    }
    if (!pod.spec.nodeName) void this.#bind(pod)
    runner.start()
  }

  #end(uid: string, runner: PodRunner, graceMs: number): void {
    for (const { spec } of runner.containers) {
      const message = `Stopping container ${spec.name}`
      this.#context.events.record(runner.pod, { type: 'Normal', reason: 'Killing', message })
    }
    const done = runner
      .stop(graceMs)
      .then(() => this.#remove(runner.pod))
      .finally(() => {
        rmSync(runner.logDir, { recursive: true, force: true })
        this.#runners.delete(uid)
        this.#ending.delete(uid)
      })
    this.#ending.set(uid, done)
  }

  async #bind(pod: Pod): Promise<void> {
    const { name, namespace } = pod.metadata
    await this.#quietly(this.#context.kube.patch(PODS, { name, namespace }, 'merge', { spec: { nodeName: NODE_NAME } }))
  }

  /** Nothing of it runs any more: the object may go. */
  async #remove(pod: Pod): Promise<void> {
    const { name, namespace, uid } = pod.metadata
    // Another Pod may have taken the name since; it must not be deleted in this one's place.
    if (this.#pods.store.get(keyOf(pod))?.metadata.uid !== uid) return
    await this.#quietly(this.#context.kube.delete(PODS, { name, namespace }, { gracePeriodSeconds: 0 }))
  }

  async #quietly(request: Promise<unknown>): Promise<void> {
    try {
      await request
    } catch (error) {
      if (this.#closed || (error instanceof KubeApiError && (error.notFound || error.conflict))) return
      log.warn({ error: messageOf(error) }, 'a Pod could not be updated')
    }
  }
}

function graceMsOf(pod: Pod): number {
  const asked = pod.metadata['deletionGracePeriodSeconds' as keyof typeof pod.metadata] as number | undefined
  return (asked ?? pod.spec.terminationGracePeriodSeconds ?? 30) * 1000
}
