import type { KubeObject } from '../../kube/index.ts'
import { GATEWAY_NAME_LABEL } from './gateway-api.ts'

/** The label by which Istio marks what its gateway controller made. */
const MANAGED_LABEL = 'gateway.istio.io/managed'
const MANAGED_BY = 'istio.io-gateway-controller'
const CLASS_LABEL = 'gateway.networking.k8s.io/gateway-class-name'

/** Of the proxies that are made; what it stands for is the affair of whoever starts Pods. */
const IMAGE = 'sluice.dev/proxy'

/** The first port that a program without privileges may listen on. */
const UNPRIVILEGED = 1024

/** Where a gateway without privileges listens for a port: low ones are moved up, and the Service maps them. */
function containerPort(port: number): number {
  return port < UNPRIVILEGED ? port + 10_000 : port
}

/** The name of what is made for a Gateway, as Istio composes it. */
export function deployedName(gateway: KubeObject): string {
  return `${gateway.metadata.name}-${gateway['spec'].gatewayClassName}`
}

/** Whether something has to be made for a Gateway: not where its addresses name a Service that is there already. */
export function isAutomatic(gateway: KubeObject): boolean {
  const addresses: { type?: string }[] = gateway['spec']?.addresses ?? []
  return !addresses.some(({ type }) => type === 'Hostname')
}

/** The ServiceAccount, Deployment and Service that run a Gateway. They are owned by it and go with it. */
export function deploymentObjects(gateway: KubeObject): KubeObject[] {
  const { name, namespace, uid = '' } = gateway.metadata
  const full = deployedName(gateway)
  const infrastructure = gateway['spec'].infrastructure ?? {}
  const labels = {
    ...infrastructure.labels,
    [GATEWAY_NAME_LABEL]: name,
    [CLASS_LABEL]: gateway['spec'].gatewayClassName,
    [MANAGED_LABEL]: MANAGED_BY,
  }
  const owner = { apiVersion: gateway.apiVersion, kind: gateway.kind, name, uid, controller: true }
  const metadata = { name: full, namespace, labels, annotations: infrastructure.annotations, ownerReferences: [owner] }
  const selector = { [GATEWAY_NAME_LABEL]: name }
  const ports = uniquePorts(gateway)
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: selector },
        template: {
          metadata: { labels, annotations: infrastructure.annotations },
          spec: { serviceAccountName: full, terminationGracePeriodSeconds: 10, containers: [container(ports)] },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'LoadBalancer',
        selector,
        ports: ports.map(({ port, name }) => ({ name, port, targetPort: containerPort(port), protocol: 'TCP' })),
      },
    },
  ]
}

interface Port {
  readonly port: number
  readonly name: string
}

/** One entry per port; several listeners may share one. */
function uniquePorts(gateway: KubeObject): Port[] {
  const ports = new Map<number, Port>()
  for (const listener of gateway['spec'].listeners ?? []) {
    if (!ports.has(listener.port)) ports.set(listener.port, { port: listener.port, name: listener.name })
  }
  return [...ports.values()]
}

function container(ports: readonly Port[]): object {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  return {
    name: 'istio-proxy',
    image: IMAGE,
    args: ['proxy', 'router'],
    ports: [
      ...ports.map(({ port }) => ({ containerPort: containerPort(port) })),
      { containerPort: 15020, name: 'http-status' },
    ],
    readinessProbe: { httpGet: { path: '/healthz/ready', port: 15020 }, periodSeconds: 1 },
    env: [
      field('POD_NAME', 'metadata.name'),
      field('POD_NAMESPACE', 'metadata.namespace'),
      field('INSTANCE_IP', 'status.podIP'),
    ],
  }
}
