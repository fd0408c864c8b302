/** Deployment and ReplicaSet. */

import { deepEqual, type JsonObject } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { formatLabelSelector, type LabelSelector, matchesLabelSelector } from '../selectors.ts'
import { type FieldError, invalidValue, required } from '../status.ts'
import { AGE, column, NAME } from '../table/columns.ts'
import { builtin } from './builtin.ts'
import { defaultPodSpec } from './pod-defaults.ts'
import { validatePodSpec } from './pod-validate.ts'

const number = (object: ApiObject, part: string, field: string): number => Number(object[part]?.[field] ?? 0)

function templateContainers(object: ApiObject, field: 'name' | 'image'): string {
  const list = (object['spec']?.template?.spec?.containers as JsonObject[] | undefined) ?? []
  return list.map((container) => container[field]).join(',')
}

const WIDE = [
  column('Containers', (o) => templateContainers(o, 'name'), { wide: true }),
  column('Images', (o) => templateContainers(o, 'image'), { wide: true }),
  column('Selector', (o) => formatLabelSelector(o['spec']?.selector), { wide: true }),
]

function validateWorkload(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const errors: FieldError[] = []
  const spec = object['spec']
  const selector = spec.selector as LabelSelector | undefined
  if (selector === undefined) errors.push(required('spec.selector'))
  else if (!matchesLabelSelector(selector, spec.template?.metadata?.labels ?? {})) {
    errors.push(
      invalidValue(
        'spec.template.metadata.labels',
        spec.template?.metadata?.labels,
        '`selector` does not match template `labels`',
      ),
    )
  }
  if (old !== undefined && !deepEqual(selector, old['spec']?.selector)) {
    errors.push(invalidValue('spec.selector', selector, 'field is immutable'))
  }
  if (spec.replicas < 0) errors.push(invalidValue('spec.replicas', spec.replicas, 'must be greater than or equal to 0'))
  errors.push(...validatePodSpec(spec.template?.spec, 'spec.template.spec'))
  return errors
}

function defaultTemplate(spec: JsonObject): void {
  spec['replicas'] ??= 1
  spec['template'] ??= {}
  const template = spec['template'] as JsonObject
  template['metadata'] ??= {}
  template['spec'] ??= {}
  defaultPodSpec(template['spec'] as JsonObject)
}

const SUBRESOURCES = {
  scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
}

export const deploymentKind = builtin({
  group: 'apps',
  plural: 'deployments',
  kind: 'Deployment',
  message: 'apps.v1.Deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  status: true,
  scale: true,
  columns: [
    NAME,
    column('Ready', (o) => `${number(o, 'status', 'readyReplicas')}/${number(o, 'spec', 'replicas')}`),
    column('Up-to-date', (o) => number(o, 'status', 'updatedReplicas'), { type: 'integer' }),
    column('Available', (o) => number(o, 'status', 'availableReplicas'), { type: 'integer' }),
    AGE,
    ...WIDE,
  ],
  subresources: SUBRESOURCES,
  behaviour: {
    generationOf: ['spec'],
    prepare(object) {
      object['spec'] ??= {}
      const spec = object['spec']
      defaultTemplate(spec)
      spec.strategy ??= {}
      const { strategy } = spec
      strategy.type ??= 'RollingUpdate'
      if (strategy.type === 'RollingUpdate') {
        strategy.rollingUpdate ??= {}
        strategy.rollingUpdate.maxUnavailable ??= '25%'
        strategy.rollingUpdate.maxSurge ??= '25%'
      }
      spec.revisionHistoryLimit ??= 10
      spec.progressDeadlineSeconds ??= 600
      object['status'] ??= {}
    },
    validate: validateWorkload,
  },
})

export const replicaSetKind = builtin({
  group: 'apps',
  plural: 'replicasets',
  kind: 'ReplicaSet',
  message: 'apps.v1.ReplicaSet',
  shortNames: ['rs'],
  categories: ['all'],
  status: true,
  scale: true,
  columns: [
    NAME,
    column('Desired', (o) => number(o, 'spec', 'replicas'), { type: 'integer' }),
    column('Current', (o) => number(o, 'status', 'replicas'), { type: 'integer' }),
    column('Ready', (o) => number(o, 'status', 'readyReplicas'), { type: 'integer' }),
    AGE,
    ...WIDE,
  ],
  subresources: SUBRESOURCES,
  behaviour: {
    generationOf: ['spec'],
    prepare(object) {
      object['spec'] ??= {}
      defaultTemplate(object['spec'])
      object['status'] ??= { replicas: 0 }
    },
    validate: validateWorkload,
  },
})
