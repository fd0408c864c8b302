import type { ContainerSpec, Pod } from '../types.ts'

/** What a Pod asks for that a plain process cannot be given; undefined when there is nothing of the kind. */
export function unsupported(pod: Pod): string | undefined {
  const { spec } = pod
  const mounted = new Set(allContainers(pod).flatMap((each) => each.volumeMounts?.map((mount) => mount.name) ?? []))
  for (const { name, ...source } of spec.volumes ?? []) {
    const kind = Object.keys(source)[0] ?? 'emptyDir'
    // A scratch folder may as well be the machine's own; files with content would have to be put somewhere.
    if (kind !== 'emptyDir' && mounted.has(name)) return `volume ${name} (${kind}): containers see this machine's files`
  }
  for (const container of allContainers(pod)) {
    const what = unsupportedInContainer(container)
    if (what !== undefined) return `${what} of container ${container.name}`
  }
  const sidecar = spec.initContainers?.find((each) => each.restartPolicy === 'Always')
  return sidecar === undefined ? undefined : `restartPolicy of init container ${sidecar.name}`
}

function unsupportedInContainer(container: ContainerSpec): string | undefined {
  if ('lifecycle' in container && container['lifecycle'] !== undefined) return 'lifecycle hooks'
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
    if (container[probe]?.grpc !== undefined) return `grpc ${probe}`
  }
  return undefined
}

export function allContainers(pod: Pod): ContainerSpec[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
}
