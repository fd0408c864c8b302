import { join } from 'node:path'
import type { PodRuntime } from '../apiserver/pod/runtime.ts'
import { Informer, type KubeClient } from '../kube/index.ts'
import { logger } from '../telemetry/log.ts'
import { DeploymentController } from './deployment/controller.ts'
import { EndpointsController } from './endpoints/controller.ts'
import { MANAGED_BY_LABEL, MANAGER } from './endpoints/slices.ts'
import { EventRecorder } from './event-recorder.ts'
import { markNotReady } from './former-run.ts'
import { Addresses } from './kubelet/addresses.ts'
import { KUBELET_PAUSES, type RestartPauses } from './kubelet/container.ts'
import type { Images } from './kubelet/image.ts'
import { Kubelet } from './kubelet/kubelet.ts'
import { ProcessTable } from './kubelet/process-table.ts'
import { OutboundProxy } from './outbound/outbound.ts'
import { LocalPodRuntime } from './runtime.ts'
import { DEPLOYMENTS, type Deployment, ENDPOINT_SLICES, PODS, type Pod, SERVICES, type Service } from './types.ts'

export interface PodsOptions {
  readonly kube: KubeClient
  /** Image name, with or without a tag, to the program that plays it. */
  readonly images: Images
  /** Container logs, and the list of processes that a killed run leaves behind. */
  readonly logDir: string
  /** Where Pods get their addresses from; 127.1.0.0/16 unless told. */
  readonly podCidr?: string
  /** The kubelet's pauses between restarts, unless told. */
  readonly restartPauses?: RestartPauses
}

export interface PodsHandle {
  /** Logs of and commands in running Pods. */
  readonly runtime: PodRuntime
  /** Ends all Pods gracefully, none later than after `limitMs` (10 s unless told). Their objects stay in the API. */
  close(limitMs?: number): Promise<void>
}

const log = logger('pods')

/**
 * What a cluster's controller manager, scheduler, kubelet and kube-proxy do for the kinds that Sluice runs: Deployments become
 * Pods, Pods become processes of this machine on addresses of their own, Services become EndpointSlices and names that work.
 */
export async function startPods(options: PodsOptions): Promise<PodsHandle> {
  const { kube, images, logDir, podCidr = '127.1.0.0/16', restartPauses = KUBELET_PAUSES } = options
  const processes = new ProcessTable(join(logDir, 'processes.json'))
  const orphans = processes.endOrphans()
  if (orphans > 0) log.info({ orphans }, 'ended the processes of a former run')
  await markNotReady(kube)

  const deployments = new Informer<Deployment>(kube, DEPLOYMENTS)
  const pods = new Informer<Pod>(kube, PODS)
  const services = new Informer<Service>(kube, SERVICES)
  const slices = new Informer(kube, ENDPOINT_SLICES, { labelSelector: `${MANAGED_BY_LABEL}=${MANAGER}` })
  const events = new EventRecorder(kube)
  const outbound = new OutboundProxy(services, pods)
  const addresses = new Addresses(podCidr)

  // What changes Pods looks at them only when all of them are known: before, a Pod that is there would seem to be missing.
  await Promise.all([pods.start(), services.start(), slices.start(), deployments.start()])
  const endpoints = new EndpointsController(kube, services, pods, slices)
  const controller = new DeploymentController(kube, deployments, pods, events)
  const kubelet = new Kubelet(pods, {
    kube,
    images,
    processes,
    addresses,
    outbound,
    events,
    logDir,
    pauses: restartPauses,
  })
  endpoints.start()
  controller.start()
  kubelet.start()

  // Also when somebody calls process.exit: a Pod must not outlive what answers for it.
  const lastResort = () => processes.killAll()
  process.on('exit', lastResort)

  return {
    runtime: new LocalPodRuntime(kubelet),
    async close(limitMs = 10_000) {
      controller.close()
      endpoints.close()
      events.close()
      await kubelet.close(limitMs)
      for (const informer of [deployments, pods, services, slices]) informer.stop()
      await outbound.stop()
      process.off('exit', lastResort)
    },
  }
}
