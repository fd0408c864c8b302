import { join } from 'node:path'
import { messageOf, SluiceError } from '../../errors.ts'
import { KubeApiError } from '../../kube/index.ts'
import { logger } from '../../telemetry/log.ts'
import type { EventRecorder, Happening } from '../event-recorder.ts'
import { OUTBOUND_PORT, type OutboundProxy } from '../outbound/outbound.ts'
import { type ContainerStatus, HOST_IP, PODS, type Pod, type PodStatus, timestamp } from '../types.ts'
import type { Addresses } from './addresses.ts'
import { Container, type ContainerContext, type RestartPauses } from './container.ts'
import { podStatus } from './pod-status.ts'
import { allContainers, unsupported } from './unsupported.ts'

const log = logger('pods')

export interface RunnerContext extends Pick<ContainerContext, 'kube' | 'images' | 'processes'> {
  readonly addresses: Addresses
  readonly outbound: OutboundProxy
  readonly events: EventRecorder
  readonly logDir: string
  readonly pauses: RestartPauses
}

/** Runs the containers of one Pod on one address, and writes what becomes of them into its status. */
export class PodRunner {
  pod: Pod
  readonly containers: Container[] = []
  readonly #context: RunnerContext
  readonly #before: PodStatus | undefined
  readonly #startTime: string
  #podIP: string | undefined
  #status: PodStatus | undefined
  #ended = false
  #dirty = false
  #writing: Promise<void> | undefined
  #finished: Promise<void> = Promise.resolve()

  constructor(pod: Pod, context: RunnerContext) {
    this.pod = pod
    this.#context = context
    this.#before = pod.status
    this.#startTime = pod.status?.startTime ?? timestamp()
  }

  get podIP(): string | undefined {
    return this.#podIP
  }

  get logDir(): string {
    const { namespace, name, uid } = this.pod.metadata
    return join(this.#context.logDir, `${namespace}_${name}_${uid}`)
  }

  start(): void {
    this.#finished = this.#run().catch((error) => {
      this.#happened({ type: 'Warning', reason: 'Failed', message: messageOf(error) })
      log.warn({ pod: this.pod.metadata.name, error: messageOf(error) }, 'the Pod cannot run')
      return this.#refuse(error)
    })
  }

  /** The object changed. Of a running Pod only labels, annotations and images can. */
  update(pod: Pod): void {
    this.pod = pod
    for (const spec of allContainers(pod)) {
      const container = this.containers.find((each) => each.spec.name === spec.name)
      if (container === undefined || container.spec.image === spec.image) continue
      container.spec = spec
      container.status.image = spec.image
      container.restart(`Container ${spec.name} definition changed, will be restarted`)
    }
  }

  /** Ends all containers and gives the address back. */
  async stop(graceMs: number): Promise<void> {
    this.#ended = true
    await Promise.all(this.containers.map((each) => each.stop(graceMs)))
    await this.#finished
    await this.#writing
    this.#release()
  }

  /** No more writing of status: the API goes away too. */
  mute(): void {
    this.#ended = true
  }

  async #run(): Promise<void> {
    const what = unsupported(this.pod)
    if (what !== undefined) throw new SluiceError('SL6102', what)
    const { spec } = this.pod
    const podIP = spec.hostNetwork === true ? HOST_IP : await this.#address()
    this.#podIP = podIP
    const outboundProxy =
      spec.hostNetwork === true
        ? undefined
        : await this.#context.outbound.open(podIP, this.pod.metadata.namespace ?? 'default')
    if (this.#ended) return
    const { kube, images, processes, pauses } = this.#context
    const context: ContainerContext = {
      kube,
      images,
      processes,
      podIP,
      outboundProxy,
      logDir: this.logDir,
      pauses,
      pod: () => this.pod,
      changed: () => this.#changed(),
      happened: (happening) => this.#happened(happening),
    }
    const before = [...(this.#before?.initContainerStatuses ?? []), ...(this.#before?.containerStatuses ?? [])]
    for (const each of allContainers(this.pod)) {
      this.containers.push(
        new Container(
          each,
          context,
          before.find((status) => status.name === each.name),
        ),
      )
    }
    this.#changed()

    const restart = spec.restartPolicy ?? 'Always'
    const inits = spec.initContainers?.length ?? 0
    for (const container of this.containers.slice(0, inits)) {
      await container.run(restart === 'Never' ? 'never' : 'failure')
      const { state } = container.status
      if (this.#ended || !('terminated' in state) || state.terminated.exitCode !== 0) return
    }
    const policy = restart === 'Always' ? 'always' : restart === 'OnFailure' ? 'failure' : 'never'
    await Promise.all(this.containers.slice(inits).map((each) => each.run(policy)))
    if (!this.#ended) this.#release()
  }

  /** A Pod keeps its address over a restart of Sluice when it can, so that nothing that knows it has to learn another. */
  async #address(): Promise<string> {
    const had = this.#before?.podIP
    const declared = this.pod.spec.containers.flatMap((each) => each.ports?.map((port) => port.containerPort) ?? [])
    const ports = [...declared, OUTBOUND_PORT]
    if (had !== undefined && (await this.#context.addresses.take(had, ports))) return had
    return this.#context.addresses.allocate(ports)
  }

  #release(): void {
    const podIP = this.#podIP
    if (podIP === undefined || podIP === HOST_IP) return
    this.#podIP = undefined
    this.#context.outbound.close(podIP)
    this.#context.addresses.release(podIP)
  }

  #happened(happening: Happening): void {
    this.#context.events.record(this.pod, happening)
  }

  #changed(): void {
    this.#dirty = true
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  async #write(): Promise<void> {
    // Changes of one turn are one write.
    await null
    while (this.#dirty && !this.#ended) {
      this.#dirty = false
      const inits = this.pod.spec.initContainers?.length ?? 0
      const statuses: ContainerStatus[] = this.containers.map((each) => each.status)
      this.#status = podStatus({
        pod: this.pod,
        podIP: this.#podIP ?? this.#status?.podIP,
        startTime: this.#startTime,
        init: statuses.slice(0, inits),
        main: statuses.slice(inits),
        previous: this.#status ?? this.#before,
      })
      await this.#patch(this.#status)
    }
  }

  /** Waiting, not failed: a failed Pod of a Deployment is replaced, and its successor would fail as well. */
  async #refuse(error: unknown): Promise<void> {
    if (this.#ended) return
    const state = { waiting: { reason: 'CreateContainerConfigError', message: messageOf(error) } }
    const containerStatuses = this.pod.spec.containers.map(({ name, image }) => ({
      ...{ name, image, imageID: '', ready: false, started: false, restartCount: 0 },
      ...{ state, lastState: {} },
    }))
    await this.#patch({ phase: 'Pending', startTime: this.#startTime, containerStatuses })
  }

  async #patch(status: PodStatus): Promise<void> {
    const { name, namespace } = this.pod.metadata
    try {
      await this.#context.kube.patch(PODS, { name, namespace }, 'merge', { status }, { subresource: 'status' })
    } catch (error) {
      if (error instanceof KubeApiError && error.notFound) return
      // The next change brings the whole status again; until then kubectl shows the last one.
      if (!this.#ended) log.warn({ pod: name, error: messageOf(error) }, 'the status of a Pod could not be written')
    }
  }
}
