/**
 * How lists and maps of built-in types merge: `Message.field: key` for strategic merge (patchMergeKey), more keys after it
 * for server-side apply (list-map-keys) where they differ. Where only one key is given, both use it.
 * Read off Kubernetes' published OpenAPI of core/v1, apps/v1, discovery/v1.
 */
export const MERGE_KEYS: Readonly<Record<string, { key: string; apply?: readonly string[] }>> = {
  'core.v1.Container.env': { key: 'name' },
  'core.v1.Container.ports': { key: 'containerPort', apply: ['containerPort', 'protocol'] },
  'core.v1.Container.volumeDevices': { key: 'devicePath' },
  'core.v1.Container.volumeMounts': { key: 'mountPath' },
  'core.v1.EphemeralContainerCommon.env': { key: 'name' },
  'core.v1.EphemeralContainerCommon.ports': { key: 'containerPort', apply: ['containerPort', 'protocol'] },
  'core.v1.EphemeralContainerCommon.volumeDevices': { key: 'devicePath' },
  'core.v1.EphemeralContainerCommon.volumeMounts': { key: 'mountPath' },
  'core.v1.NamespaceStatus.conditions': { key: 'type' },
  'core.v1.PodSpec.containers': { key: 'name' },
  'core.v1.PodSpec.ephemeralContainers': { key: 'name' },
  'core.v1.PodSpec.hostAliases': { key: 'ip' },
  'core.v1.PodSpec.imagePullSecrets': { key: 'name' },
  'core.v1.PodSpec.initContainers': { key: 'name' },
  'core.v1.PodSpec.resourceClaims': { key: 'name' },
  'core.v1.PodSpec.schedulingGates': { key: 'name' },
  'core.v1.PodSpec.topologySpreadConstraints': { key: 'topologyKey', apply: ['topologyKey', 'whenUnsatisfiable'] },
  'core.v1.PodSpec.volumes': { key: 'name' },
  'core.v1.PodStatus.conditions': { key: 'type' },
  'core.v1.PodStatus.podIPs': { key: 'ip' },
  'core.v1.ServiceAccount.secrets': { key: 'name' },
  'core.v1.ServiceSpec.ports': { key: 'port', apply: ['port', 'protocol'] },
  'core.v1.ServiceStatus.conditions': { key: 'type' },
  'meta.v1.ObjectMeta.ownerReferences': { key: 'uid' },
  'apps.v1.DeploymentStatus.conditions': { key: 'type' },
  'apps.v1.ReplicaSetStatus.conditions': { key: 'type' },
}

/** Keys for server-side apply only; strategic merge replaces these lists. */
export const APPLY_KEYS: Readonly<Record<string, readonly string[]>> = {
  'core.v1.ResourceRequirements.claims': ['name'],
}

/** Lists of scalars that strategic merge unites; server-side apply has them as sets. */
export const SETS: ReadonlySet<string> = new Set(['meta.v1.ObjectMeta.finalizers'])

/** Sets for server-side apply that strategic merge replaces. */
export const APPLY_SETS: ReadonlySet<string> = new Set(['discovery.v1.Endpoint.addresses'])

/** patchStrategy retainKeys: what the patch does not name goes. */
export const RETAIN_KEYS: ReadonlySet<string> = new Set([
  'core.v1.PodSpec.volumes',
  'core.v1.PodSpec.resourceClaims',
  'apps.v1.DeploymentSpec.strategy',
])

/** Messages that one manager owns as a whole. */
export const ATOMIC: ReadonlySet<string> = new Set([
  'core.v1.ConfigMapKeySelector',
  'core.v1.EndpointAddress',
  'core.v1.EndpointPort',
  'core.v1.LocalObjectReference',
  'core.v1.NodeSelector',
  'core.v1.NodeSelectorTerm',
  'core.v1.ObjectFieldSelector',
  'core.v1.ObjectReference',
  'core.v1.ResourceFieldSelector',
  'core.v1.SecretKeySelector',
  'core.v1.TypedLocalObjectReference',
  'meta.v1.LabelSelector',
  'meta.v1.OwnerReference',
])

/** Maps of scalars that one manager owns as a whole. */
export const ATOMIC_MAPS: ReadonlySet<string> = new Set([
  'core.v1.PodSpec.nodeSelector',
  'core.v1.ServiceSpec.selector',
])
