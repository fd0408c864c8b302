import { type KubeObject, keyOf } from '../../kube/index.ts'
import type { KindName } from '../kinds.ts'
import type { Extension } from './extension.ts'
import { byAge } from './order.ts'
import { readTrafficExtension, readWasmPlugin } from './read-extension.ts'
import { readService, readServiceEntry, type Service } from './services.ts'
import { readSignaturePolicy, type SignaturePolicy } from './signature-policy.ts'
import type { Labels } from './workload.ts'

/** What holds for the whole mesh. */
export interface MeshOptions {
  readonly rootNamespace: string
  readonly clusterDomain: string
}

/** The objects of the mesh by kind and key. */
export type Stores = Readonly<Partial<Record<KindName, ReadonlyMap<string, KubeObject>>>>

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
const NONE: ReadonlyMap<string, KubeObject> = new Map()

/**
 * The objects of all watched kinds and what is derived from them. Derived parts are computed on first use and kept until one of
 * their kinds changes.
 */
export class Mesh {
  readonly rootNamespace: string
  readonly clusterDomain: string
  readonly #stores: Stores
  readonly #derived = new Map<string, { readonly from: readonly KindName[]; readonly value: unknown }>()

  constructor(stores: Stores, options: MeshOptions) {
    this.#stores = stores
    this.rootNamespace = options.rootNamespace
    this.clusterDomain = options.clusterDomain
  }

  /** Forget what was derived from this kind. */
  changed(kind: KindName): void {
    for (const [name, { from }] of this.#derived) if (from.includes(kind)) this.#derived.delete(name)
  }

  all(kind: KindName): KubeObject[] {
    return [...(this.#stores[kind] ?? NONE).values()]
  }

  /** By `namespace/name`. */
  get(kind: KindName, key: string): KubeObject | undefined {
    return this.#stores[kind]?.get(key)
  }

  /** Keeps what `make` returns until one of the kinds changes. */
  derive<T>(name: string, from: readonly KindName[], make: () => T): T {
    const known = this.#derived.get(name)
    if (known !== undefined) return known.value as T
    const value = make()
    this.#derived.set(name, { from, value })
    return value
  }

  /** All extensions of both kinds, oldest first. */
  extensions(): readonly Extension[] {
    return this.derive('extensions', ['trafficExtension', 'wasmPlugin'], () =>
      [...this.all('trafficExtension').map(readTrafficExtension), ...this.all('wasmPlugin').map(readWasmPlugin)].sort(
        byAge,
      ),
    )
  }

  /** All signature policies, in the order of their names. */
  signaturePolicies(): readonly SignaturePolicy[] {
    return this.derive('signature policies', ['signaturePolicy'], () =>
      this.all('signaturePolicy')
        .map(readSignaturePolicy)
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    )
  }

  /** Services by host name. */
  services(): ReadonlyMap<string, Service> {
    return this.derive('services', ['service', 'serviceEntry'], () => {
      const services = [
        ...this.all('serviceEntry').flatMap(readServiceEntry),
        ...this.all('service').map((object) => readService(object, this.clusterDomain)),
      ]
      return new Map(services.sort((a, b) => (a.host < b.host ? -1 : 1)).map((service) => [service.host, service]))
    })
  }

  /** The EndpointSlices of a service by `namespace/name`. */
  slices(key: string): readonly KubeObject[] {
    const byService = this.derive('slices', ['endpointSlice'], () =>
      Map.groupBy(this.all('endpointSlice'), ({ metadata }) => {
        return `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL] ?? ''}`
      }),
    )
    return byService.get(key) ?? []
  }

  podLabels(key: string): Labels | undefined {
    return this.get('pod', key)?.metadata.labels
  }

  namespaceLabels(name: string): Labels {
    // Kubernetes sets this one by itself; an embedded API server may not.
    return { 'kubernetes.io/metadata.name': name, ...this.get('namespace', name)?.metadata.labels }
  }

  /** The raw `.dockerconfigjson` of a secret of that type. */
  pullSecret(namespace: string, name: string): string | undefined {
    const secret = this.get('secret', `${namespace}/${name}`)
    if (secret?.['type'] !== 'kubernetes.io/dockerconfigjson') return undefined
    const data = secret['data']?.['.dockerconfigjson']
    return typeof data === 'string' ? Buffer.from(data, 'base64').toString('utf8') : undefined
  }
}

/** A mesh of these objects, for tests and tools. The kind is told by `kind` and group. */
export function meshOf(objects: readonly KubeObject[], options: Partial<MeshOptions> = {}): Mesh {
  const stores: Partial<Record<KindName, Map<string, KubeObject>>> = {}
  for (const object of objects) {
    const kind = kindName(object)
    stores[kind] ??= new Map()
    stores[kind].set(keyOf(object), object)
  }
  return new Mesh(stores, { rootNamespace: 'istio-system', clusterDomain: 'cluster.local', ...options })
}

function kindName(object: KubeObject): KindName {
  if (object.kind === 'Gateway' && object.apiVersion.startsWith('networking.istio.io/')) return 'istioGateway'
  if (object.kind === 'HTTPRoute') return 'httpRoute'
  return (object.kind[0].toLowerCase() + object.kind.slice(1)) as KindName
}
