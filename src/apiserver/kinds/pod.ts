import { deepEqual, type JsonObject, textAt } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { forbiddenField } from '../status.ts'
import { AGE, column, NAME } from '../table/columns.ts'
import { humanDuration } from '../table/duration.ts'
import { builtin } from './builtin.ts'
import { defaultPodSpec } from './pod-defaults.ts'
import { validatePodSpec } from './pod-validate.ts'

interface ContainerStatus {
  ready?: boolean
  restartCount?: number
  state?: {
    waiting?: { reason?: string }
    terminated?: { reason?: string; signal?: number; exitCode?: number }
    running?: object
  }
  lastState?: { terminated?: { finishedAt?: string } }
}

function statuses(object: ApiObject): ContainerStatus[] {
  return (object['status']?.containerStatuses as ContainerStatus[] | undefined) ?? []
}

/** printers.printPod: the phase, unless a container or the deletion says more. */
function phase(object: ApiObject): string {
  let reason = textAt(object, 'status', 'reason') || textAt(object, 'status', 'phase')
  let running = false
  for (const { state, ready } of [...statuses(object)].reverse()) {
    if (state?.waiting?.reason) reason = state.waiting.reason
    else if (state?.terminated !== undefined) {
      const { reason: why, signal, exitCode } = state.terminated
      reason = why || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`)
    } else if (ready === true && state?.running !== undefined) running = true
  }
  if (reason === 'Completed' && running) reason = isReady(object) ? 'Running' : 'NotReady'
  if (object.metadata.deletionTimestamp !== undefined)
    return textAt(object, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating'
  return reason
}

function isReady(object: ApiObject): boolean {
  const conditions = (object['status']?.conditions as { type: string; status: string }[] | undefined) ?? []
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

function restarts(object: ApiObject): string {
  let count = 0
  let last = 0
  for (const { restartCount = 0, lastState } of statuses(object)) {
    count += restartCount
    last = Math.max(last, Date.parse(lastState?.terminated?.finishedAt ?? '') || 0)
  }
  return count > 0 && last > 0 ? `${count} (${humanDuration(Date.now() - last)} ago)` : String(count)
}

function readinessGates(object: ApiObject): string {
  const gates = (object['spec']?.readinessGates as { conditionType: string }[] | undefined) ?? []
  if (gates.length === 0) return '<none>'
  const conditions = (object['status']?.conditions as { type: string; status: string }[] | undefined) ?? []
  const met = gates.filter((gate) => conditions.some((c) => c.type === gate.conditionType && c.status === 'True'))
  return `${met.length}/${gates.length}`
}

/** What may change in a pod's spec after it was made (ValidatePodUpdate). */
const MUTABLE = ['activeDeadlineSeconds', 'terminationGracePeriodSeconds', 'tolerations', 'nodeName', 'schedulingGates']

function frozenSpec(spec: JsonObject): JsonObject {
  const rest: JsonObject = { ...spec }
  for (const field of MUTABLE) delete rest[field]
  for (const field of ['containers', 'initContainers']) {
    const list = rest[field] as JsonObject[] | undefined
    if (list !== undefined) rest[field] = list.map(({ image: _, ...container }) => container)
  }
  return rest
}

export const podKind = builtin({
  plural: 'pods',
  kind: 'Pod',
  message: 'core.v1.Pod',
  shortNames: ['po'],
  categories: ['all'],
  status: true,
  columns: [
    NAME,
    column('Ready', (o) => `${statuses(o).filter((s) => s.ready).length}/${(o['spec']?.containers ?? []).length}`),
    column('Status', phase),
    column('Restarts', restarts),
    AGE,
    column('IP', (o) => textAt(o, 'status', 'podIP') || '<none>', { wide: true }),
    column('Node', (o) => textAt(o, 'spec', 'nodeName') || '<none>', { wide: true }),
    column('Nominated Node', (o) => textAt(o, 'status', 'nominatedNodeName') || '<none>', { wide: true }),
    column('Readiness Gates', readinessGates, { wide: true }),
  ],
  selectableFields: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  subresources: {
    log: { kind: 'Pod', verbs: ['get'] },
    exec: { kind: 'PodExecOptions', verbs: ['create', 'get'] },
  },
  behaviour: {
    keepStatusOnCreate: true,
    selectable: { 'spec.hostNetwork': (o) => String(o['spec']?.hostNetwork === true) },
    prepare(object, old) {
      object['spec'] ??= {}
      const spec = object['spec']
      defaultPodSpec(spec)
      spec.serviceAccountName ??= 'default'
      spec.serviceAccount ??= spec.serviceAccountName
      spec.enableServiceLinks ??= true
      if (old === undefined) object['status'] = { phase: 'Pending', qosClass: 'BestEffort' }
    },
    validate(object, old) {
      const errors = validatePodSpec(object['spec'], 'spec')
      if (old !== undefined && !deepEqual(frozenSpec(object['spec']), frozenSpec(old['spec']))) {
        errors.push(
          forbiddenField(
            'spec',
            'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
          ),
        )
      }
      return errors
    },
  },
})
