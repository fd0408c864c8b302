import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { cacheOptionsFromEnv, type EnvoyNode, runEnvoy, startAgent } from '../agent/index.ts'
import { parseListenPlaces, startProxy } from '../proxy/index.ts'
import { logger } from '../telemetry/log.ts'
import { grpcTransport } from '../xds/grpc-transport.ts'

const ADMIN_PORT = 15000
const STATUS_PORT = 15020
const DRAIN_MS = 5000

/** What a gateway or sidecar container is told by its environment; the names are Istio's where Istio has one. */
export interface ProxyPodOptions {
  /** `host:port` of the control plane (plain xDS). */
  readonly discovery: string
  readonly node: EnvoyNode
  /** The Pod's address: admin and status are served there. */
  readonly address: string
  readonly env: NodeJS.ProcessEnv
  /** Data threads; one per core unless told. */
  readonly workers?: number
}

export interface ProxyPod {
  /** Resolves with the exit code when the proxy ended by itself; never for the embedded one. */
  readonly exited: Promise<number>
  /** Drains, then stops; gives the exit code. */
  stop(): Promise<number>
}

/** Istio's name for a gateway's proxy: type, address, `pod.namespace`, domain. */
export function proxyNode(env: NodeJS.ProcessEnv): EnvoyNode {
  const name = env['POD_NAME'] ?? env['HOSTNAME'] ?? 'proxy'
  const namespace = env['POD_NAMESPACE'] ?? 'default'
  const address = env['INSTANCE_IP'] ?? '127.0.0.1'
  const domain = `${namespace}.svc.cluster.local`
  // A Deployment's Pods share the cluster name, so that hashes and metrics do not change with each Pod.
  const workload = name.replace(/-[0-9a-z]+-[0-9a-z]{5}$/, '')
  return {
    id: `router~${address}~${name}.${namespace}~${domain}`,
    cluster: `${workload}.${namespace}`,
    metadata: {
      NAME: name,
      NAMESPACE: namespace,
      INSTANCE_IPS: address,
      WORKLOAD_NAME: workload,
      CLUSTER_ID: 'Kubernetes',
    },
  }
}

function agentOptions({ discovery, node, address, env }: ProxyPodOptions) {
  return {
    upstream: grpcTransport(discovery),
    cache: cacheOptionsFromEnv(env, env['SLUICE_MODULE_CACHE']),
    owner: node.cluster,
    status: { host: address, port: STATUS_PORT },
  }
}

/** The agent with the embedded proxy, in one process: the agent on this thread, the data plane on threads of its own. */
export async function startProxyPod(options: ProxyPodOptions): Promise<ProxyPod> {
  const { node, address, env, workers } = options
  const admin = { host: address, port: ADMIN_PORT }
  let notReady = ['the proxy has not started']
  const agent = await startAgent({
    ...agentOptions(options),
    hostSettings: true,
    scrapeUrls: [`http://${address}:${ADMIN_PORT}/stats/prometheus`],
    proxyNotReady: () => notReady,
  })
  const proxy = await startProxy({
    ads: agent.transport,
    node: create(NodeSchema, { id: node.id, cluster: node.cluster, metadata: node.metadata }),
    admin,
    places: parseListenPlaces(env['SLUICE_LISTEN']),
    workers,
  })
  notReady = ['the proxy has no configuration yet']
  void proxy.ready().then(() => {
    notReady = []
    logger('agent').info({ node: node.id, admin }, 'the proxy is ready')
  })
  return {
    exited: new Promise(() => {}),
    async stop() {
      notReady = ['the proxy is draining']
      await proxy.close(DRAIN_MS)
      await agent.close()
      return 0
    },
  }
}

/** The agent with an Envoy of the user's own. */
export async function startEnvoyPod(
  options: ProxyPodOptions & { readonly xdsPort?: number; readonly adminPort?: number },
  command: readonly [string, ...string[]],
): Promise<ProxyPod> {
  const { node, xdsPort = 0, adminPort = 0 } = options
  return runEnvoy({ ...agentOptions(options), command, node, xdsPort, adminPort, drainMs: DRAIN_MS })
}
