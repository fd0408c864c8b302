import type { Condition, KubeObject } from '../kube/types.ts'
import { table, toYaml } from './output.ts'

export interface EventObject extends KubeObject {
  type: string
  reason: string
  message: string
  lastTimestamp?: string
  count?: number
}

/** An object for reading: identity, spec, then conditions and events as tables, because there people look for causes. */
export function describeObject(object: KubeObject, events: readonly EventObject[]): string {
  const { metadata, status, kind, apiVersion, ...body } = object
  const lines = [`Name:         ${metadata.name}`]
  if (metadata.namespace !== undefined) lines.push(`Namespace:    ${metadata.namespace}`)
  lines.push(`Labels:       ${pairs(metadata.labels)}`, `Annotations:  ${pairs(metadata.annotations)}`)
  lines.push(
    `API Version:  ${apiVersion}`,
    `Kind:         ${kind}`,
    `Created:      ${metadata.creationTimestamp ?? ''}`,
  )
  for (const [field, value] of Object.entries(body)) lines.push(section(field, value))
  const { conditions, ...rest } = status ?? {}
  if (Object.keys(rest).length > 0) lines.push(section('status', rest))
  if (conditions !== undefined) lines.push('Conditions:', indent(conditionTable(conditions)))
  lines.push(events.length === 0 ? 'Events:       <none>' : `Events:\n${indent(eventTable(events))}`)
  return lines.join('\n')
}

function section(field: string, value: unknown): string {
  const title = field[0].toUpperCase() + field.slice(1)
  return value !== null && typeof value === 'object'
    ? `${title}:\n${indent(toYaml(value).trimEnd())}`
    : `${title}:  ${value}`
}

function conditionTable(conditions: readonly Condition[]): string {
  const rows = conditions.map((one) => [one.type, one.status, one.reason ?? '', one.message ?? ''])
  return table([['Type', 'Status', 'Reason', 'Message'], ...rows])
}

function eventTable(events: readonly EventObject[]): string {
  const rows = events.map((one) => [one.type, one.reason, String(one.count ?? 1), one.lastTimestamp ?? '', one.message])
  return table([['Type', 'Reason', 'Count', 'Last', 'Message'], ...rows])
}

function pairs(map: Record<string, string> | undefined): string {
  const entries = Object.entries(map ?? {}).filter(
    ([name]) => name !== 'kubectl.kubernetes.io/last-applied-configuration',
  )
  return entries.length === 0
    ? '<none>'
    : entries.map(([name, value]) => `${name}=${value}`).join(`\n${' '.repeat(14)}`)
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
