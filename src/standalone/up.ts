import { writeFileSync } from 'node:fs'
import { type ApiServer, startApiServer } from '../apiserver/index.ts'
import { packagePath } from '../base/package-root.ts'
import { type ControlPlane, startControl } from '../control/index.ts'
import { KubeClient, parseKubeConfig } from '../kube/index.ts'
import { startRegistry } from '../oci/index.ts'
import { type PodsHandle, startPods } from '../pods/index.ts'
import { SERVICES } from '../resources/types.ts'
import { logToFile } from '../telemetry/log.ts'
import { Registry } from '../telemetry/metrics.ts'
import { publishExtensions } from './extensions.ts'
import { type Home, openHome } from './home.ts'
import { images } from './images.ts'
import { applyFile, applySamplesOnce } from './manifests.ts'
import { serveMonitoring } from './monitoring.ts'
import { neededPorts, type StandaloneOptions } from './options.ts'
import { checkPorts } from './ports.ts'
import { awaitReady } from './ready.ts'
import { type Running, refuseSecond, removeRunning, writeRunning } from './running.ts'

/** A running instance. */
export interface Standalone {
  readonly home: Home
  readonly running: Running
  /** Resolves when the gateway and the samples take traffic; rejects naming what did not get ready within the time. */
  ready(timeoutMs: number): Promise<void>
  /** Drains: Pods first (the gateway finishes its requests), then what they depend on. */
  close(): Promise<void>
}

/** Tells a person what is going on. */
export type Progress = (step: string) => void

const SAMPLES = ['samples/bookinfo/bookinfo.yaml', 'samples/bookinfo/bookinfo-gateway.yaml', 'samples/sleep/sleep.yaml']

/** What a cloud's load balancer would write to the gateway's Service: the address to come in by. */
function loadBalancer(ip: string) {
  return { status: { loadBalancer: { ingress: [{ ip }] } } }
}

/**
 * Starts the whole of Sluice on this machine. Everything after the API server speaks to it as it would to a cluster's.
 */
export async function up(options: StandaloneOptions, progress: Progress): Promise<Standalone> {
  const home = openHome()
  refuseSecond(home)
  logToFile(home.log)
  await checkPorts(neededPorts(options))

  const closing = new AbortController()
  const closers: (() => Promise<unknown> | unknown)[] = []
  const closeAll = async () => {
    closing.abort()
    for (const close of closers.reverse()) await close()
  }
  try {
    const metrics = new Registry()
    progress('Kubernetes API')
    const pods: { runtime?: PodsHandle['runtime'] } = {}
    const apiserver: ApiServer = await startApiServer({
      dataDir: options.ephemeral ? ':memory:' : home.store,
      host: options.host,
      port: options.apiPort,
      crdDirs: [packagePath('deploy/crds')],
      registry: metrics,
      podRuntime: () => pods.runtime,
    })
    closers.push(() => apiserver.close())
    writeFileSync(home.kubeconfig, apiserver.kubeconfig, { mode: 0o600 })
    const kube = new KubeClient(parseKubeConfig(apiserver.kubeconfig))
    closers.push(() => kube.close())

    progress('registry, control plane')
    const registry = await startRegistry({ dir: home.registry, host: options.host, port: options.registryPort })
    closers.push(() => registry.close())
    // Building and pushing takes longest where the sources have changed; nothing else waits for it but the end of the start.
    const published = publishExtensions(registry.address)
    published.catch(() => {})
    await applyFile(kube, 'deploy/standalone/ingressgateway.yaml')
    await kube.patch(
      SERVICES,
      { name: 'istio-ingressgateway', namespace: 'istio-system' },
      'merge',
      loadBalancer(options.host),
      {
        subresource: 'status',
      },
    )
    const control: ControlPlane = await startControl({
      kube,
      host: options.host,
      xdsPort: options.xdsPort,
      rootNamespace: 'istio-system',
      clusterDomain: 'cluster.local',
      gatewayAddress: options.host,
      registry: metrics,
    })
    closers.push(() => control.close())
    const monitoring = await serveMonitoring(options.host, options.monitoringPort, metrics, control)
    closers.push(() => monitoring.close())
    if (options.samples) await applySamplesOnce(kube, SAMPLES)

    progress('gateway and samples')
    const handle = await startPods({
      kube,
      images: images({ options, home, registry: registry.address, discovery: `${options.host}:${control.xdsPort}` }),
      logDir: home.logs,
      podCidr: home.podCidr,
    })
    pods.runtime = handle.runtime
    closers.push(() => handle.close())

    const running: Running = {
      pid: process.pid,
      api: apiserver.url,
      ingressHost: options.host,
      ingressPort: options.httpPort,
      secureIngressPort: options.httpsPort,
      registry: registry.address,
    }
    await published
    writeRunning(home, running)
    closers.push(() => removeRunning(home))
    return { home, running, ready: (timeoutMs) => awaitReady(kube, timeoutMs, closing.signal), close: closeAll }
  } catch (error) {
    await closeAll()
    throw error
  }
}
