import { type ContainerStatus, HOST_IP, type LegacyCondition, type Pod, type PodStatus, timestamp } from '../types.ts'

export interface Parts {
  readonly pod: Pod
  readonly podIP: string | undefined
  readonly startTime: string
  readonly init: readonly ContainerStatus[]
  readonly main: readonly ContainerStatus[]
  readonly previous: PodStatus | undefined
}

/** The status of a Pod from its containers', as the kubelet derives it (kubelet_pods.go getPhase, status/generate.go). */
export function podStatus({ pod, podIP, startTime, init, main, previous }: Parts): PodStatus {
  const phase = phaseOf(pod, init, main)
  const initialized = init.every((each) => 'terminated' in each.state && each.state.terminated.exitCode === 0)
  const unready = main.filter((each) => !each.ready).map((each) => each.name)
  const done = phase === 'Succeeded'
  const readiness: Partial<LegacyCondition> =
    unready.length === 0
      ? {}
      : done
        ? { reason: 'PodCompleted' }
        : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
  const condition = (type: string, value: boolean, more: Partial<LegacyCondition> = {}): LegacyCondition => {
    const status = value ? 'True' : 'False'
    const old = previous?.conditions?.find((each) => each.type === type)
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? timestamp()) : timestamp()
    return { type, status, ...more, lastTransitionTime }
  }
  return {
    phase,
    hostIP: HOST_IP,
    hostIPs: [{ ip: HOST_IP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    qosClass: 'BestEffort',
    conditions: [
      condition('PodReadyToStartContainers', podIP !== undefined),
      condition('Initialized', initialized, initialized ? {} : { reason: 'ContainersNotInitialized' }),
      condition('Ready', unready.length === 0, readiness),
      condition('ContainersReady', unready.length === 0, readiness),
      condition('PodScheduled', true),
    ],
    ...(init.length === 0 ? {} : { initContainerStatuses: init.map((each) => ({ ...each })) }),
    containerStatuses: main.map((each) => ({ ...each })),
  }
}

function phaseOf(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): PodStatus['phase'] {
  const restart = pod.spec.restartPolicy ?? 'Always'
  const failedInit = init.some((each) => 'terminated' in each.state && each.state.terminated.exitCode !== 0)
  if (failedInit && restart === 'Never') return 'Failed'
  const ended = main.map((each) => ('terminated' in each.state ? each.state.terminated.exitCode : undefined))
  if (restart !== 'Always' && ended.every((code) => code !== undefined)) {
    if (ended.every((code) => code === 0)) return 'Succeeded'
    if (restart === 'Never') return 'Failed'
  }
  const begun = main.every(
    (each) => 'running' in each.state || 'terminated' in each.state || 'terminated' in each.lastState,
  )
  return begun ? 'Running' : 'Pending'
}
