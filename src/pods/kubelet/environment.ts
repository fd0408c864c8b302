import { SluiceError } from '../../errors.ts'
import { KubeApiError, type KubeClient } from '../../kube/index.ts'
import { CONFIG_MAPS, type ContainerSpec, HOST_IP, type KeyRef, NODE_NAME, type Pod, SECRETS } from '../types.ts'
import { expand, type LocalImage } from './image.ts'

/**
 * Of our own environment a container sees only what programs cannot do without, and where Node keeps compiled code, with which
 * it starts in half the time. Credentials of the user are not among it.
 */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_COMPILE_CACHE']

export interface Surroundings {
  readonly kube: KubeClient
  readonly podIP: string
  /** Where the Pod's outbound HTTP goes. */
  readonly outboundProxy: string | undefined
}

/** All variables of a container: ours, the image's, `envFrom`, then `env` in its order. */
export async function environmentOf(
  pod: Pod,
  spec: ContainerSpec,
  image: LocalImage,
  { kube, podIP, outboundProxy }: Surroundings,
): Promise<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const name of INHERITED) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  env['HOSTNAME'] = pod.spec.hostname ?? pod.metadata.name
  // Pods have no network of their own: a program that listened on all addresses would take its port from every other Pod.
  env['POD_IP'] = podIP
  if (outboundProxy !== undefined) {
    // Lower case is what all clients read (curl ignores HTTP_PROXY on purpose); Node wants to be asked.
    env['http_proxy'] = outboundProxy
    env['no_proxy'] = 'localhost,127.0.0.1'
    env['NODE_USE_ENV_PROXY'] = '1'
  }
  Object.assign(env, image.env)

  const namespace = pod.metadata.namespace ?? 'default'
  for (const { prefix = '', configMapRef, secretRef } of spec.envFrom ?? []) {
    const data =
      configMapRef !== undefined
        ? await configMap(kube, namespace, configMapRef.name, configMapRef.optional)
        : await secret(kube, namespace, secretRef?.name ?? '', secretRef?.optional)
    for (const [key, value] of Object.entries(data ?? {})) env[prefix + key] = value
  }
  for (const { name, value, valueFrom } of spec.env ?? []) {
    if (valueFrom === undefined) {
      env[name] = expand(value ?? '', env)
      continue
    }
    const found = await fromSource(valueFrom, pod, podIP, kube, namespace)
    if (found !== undefined) env[name] = found
  }
  return env
}

type ValueFrom = NonNullable<NonNullable<ContainerSpec['env']>[number]['valueFrom']>

async function fromSource(
  from: ValueFrom,
  pod: Pod,
  podIP: string,
  kube: KubeClient,
  namespace: string,
): Promise<string | undefined> {
  if (from.fieldRef !== undefined) return fieldOf(pod, podIP, from.fieldRef.fieldPath)
  if (from.configMapKeyRef !== undefined) {
    const { name, optional } = from.configMapKeyRef
    return pick(await configMap(kube, namespace, name, optional), from.configMapKeyRef, 'configmap')
  }
  if (from.secretKeyRef !== undefined) {
    const { name, optional } = from.secretKeyRef
    return pick(await secret(kube, namespace, name, optional), from.secretKeyRef, 'secret')
  }
  throw new SluiceError('SL6102', `env valueFrom ${Object.keys(from).join(', ')}`)
}

/** The downward API's fields (core/v1 ObjectFieldSelector). */
function fieldOf(pod: Pod, podIP: string, path: string): string {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (keyed !== null) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]] ?? ''
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace ?? 'default'
    case 'metadata.uid':
      return pod.metadata.uid ?? ''
    case 'metadata.labels':
    case 'metadata.annotations':
      return Object.entries(pod.metadata[path.slice(9) as 'labels' | 'annotations'] ?? {})
        .sort()
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join('\n')
    case 'spec.nodeName':
      return pod.spec.nodeName ?? NODE_NAME
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default'
    case 'status.podIP':
    case 'status.podIPs':
      return podIP
    case 'status.hostIP':
    case 'status.hostIPs':
      return HOST_IP
    default:
      throw new SluiceError('SL6102', `fieldRef ${path}`)
  }
}

function pick(data: Record<string, string> | undefined, ref: KeyRef, what: string): string | undefined {
  if (data !== undefined && Object.hasOwn(data, ref.key)) return data[ref.key]
  if (ref.optional === true) return undefined
  throw new SluiceError('SL6103', `couldn't find key ${ref.key} in ${what} "${ref.name}"`)
}

async function configMap(kube: KubeClient, namespace: string, name: string, optional = false) {
  const found = await read(kube, CONFIG_MAPS, namespace, name, optional)
  return found?.['data'] as Record<string, string> | undefined
}

async function secret(kube: KubeClient, namespace: string, name: string, optional = false) {
  const found = await read(kube, SECRETS, namespace, name, optional)
  if (found === undefined) return undefined
  const data = (found['data'] ?? {}) as Record<string, string>
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  )
}

async function read(kube: KubeClient, type: typeof SECRETS, namespace: string, name: string, optional: boolean) {
  try {
    return await kube.get(type, name, namespace)
  } catch (error) {
    if (!(error instanceof KubeApiError && error.notFound)) throw error
    if (optional) return undefined
    throw new SluiceError('SL6103', `${type.kind.toLowerCase()} "${name}" not found`, { cause: error })
  }
}
