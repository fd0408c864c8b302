import type { KubeObject } from '../../kube/index.ts'
import type { Mesh } from '../model/mesh.ts'
import type { BackendProblem } from './http-route.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of objects that the API server has checked against their CRDs
type Part = Record<string, any>

/** Why a backendRef of an HTTPRoute cannot be used; undefined when it can. */
export function backendProblem(mesh: Mesh, ref: Part, routeNamespace: string): BackendProblem | undefined {
  const { group = '', kind = 'Service', name, namespace = routeNamespace, port } = ref
  if (!(group === '' || group === 'core') || kind !== 'Service') return 'InvalidKind'
  if (namespace !== routeNamespace && !granted(mesh, routeNamespace, namespace, 'HTTPRoute', 'Service', name)) {
    return 'RefNotPermitted'
  }
  const service = mesh.services().get(`${name}.${namespace}.svc.${mesh.clusterDomain}`)
  return service?.ports.some((candidate) => candidate.port === port) ? undefined : 'BackendNotFound'
}

/** Whether a ReferenceGrant lets objects of one namespace name an object of another. */
export function granted(
  mesh: Mesh,
  from: string,
  to: string,
  fromKind: string,
  toKind: 'Service' | 'Secret',
  name: string,
): boolean {
  return mesh
    .all('referenceGrant')
    .filter((grant: KubeObject) => grant.metadata.namespace === to)
    .some(({ spec }) => {
      const fits = (spec?.from ?? []).some((entry: Part) => entry['kind'] === fromKind && entry['namespace'] === from)
      const allows = (spec?.to ?? []).some(
        (entry: Part) => entry['kind'] === toKind && (entry['name'] === undefined || entry['name'] === name),
      )
      return fits && allows
    })
}
