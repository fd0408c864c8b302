/** Events: one storage, served as core/v1 Event and as events.k8s.io/v1 Event with other field names. */

import { at, textAt } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { type Columns, column, NAME } from '../table/columns.ts'
import { age } from '../table/duration.ts'
import { builtin } from './builtin.ts'

/** core/v1 name -> events.k8s.io/v1 name. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
]

function rename(object: ApiObject, apiVersion: string, from: 0 | 1): ApiObject {
  if (object.apiVersion === apiVersion) return object
  const result: ApiObject = { ...object, apiVersion }
  for (const pair of RENAMED) {
    if (!Object.hasOwn(result, pair[from])) continue
    result[pair[1 - from]] = result[pair[from]]
    delete result[pair[from]]
  }
  return result
}

function toVersion(object: ApiObject, group: string): ApiObject {
  return group === '' ? rename(object, 'v1', 1) : rename(object, 'events.k8s.io/v1', 0)
}

/** Both forms are read, because a table is rendered from whichever was asked for. */
const either = (o: ApiObject, core: string, events: string): unknown => o[core] ?? o[events]

/** Also of events in the form of the other group. */
export function lastSeen(o: ApiObject): unknown {
  return (
    at(o, 'series', 'lastObservedTime') ??
    either(o, 'lastTimestamp', 'deprecatedLastTimestamp') ??
    o['eventTime'] ??
    o.metadata.creationTimestamp
  )
}

function firstSeen(o: ApiObject): unknown {
  return either(o, 'firstTimestamp', 'deprecatedFirstTimestamp') ?? o['eventTime'] ?? o.metadata.creationTimestamp
}

const columns: Columns = [
  column('Last Seen', (o) => age(lastSeen(o))),
  column('Type', (o) => textAt(o, 'type')),
  column('Reason', (o) => textAt(o, 'reason')),
  column('Object', (o) => {
    const about = either(o, 'involvedObject', 'regarding')
    const kind = textAt(about, 'kind').toLowerCase()
    const name = textAt(about, 'name')
    return name === '' ? kind : `${kind}/${name}`
  }),
  column('Subobject', (o) => textAt(either(o, 'involvedObject', 'regarding'), 'fieldPath'), { wide: true }),
  column(
    'Source',
    (o) => {
      const source = either(o, 'source', 'deprecatedSource')
      const component =
        textAt(source, 'component') || textAt(o, 'reportingComponent') || textAt(o, 'reportingController')
      const host = textAt(source, 'host')
      return host === '' ? component : `${component}, ${host}`
    },
    { wide: true },
  ),
  column('Message', (o) => String(either(o, 'message', 'note') ?? '').trim()),
  column('First Seen', (o) => age(firstSeen(o)), { wide: true }),
  column('Count', (o) => Number(at(o, 'series', 'count') ?? either(o, 'count', 'deprecatedCount') ?? 1), {
    wide: true,
    type: 'string',
  }),
  { ...NAME, priority: 1 },
]

const ABOUT = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath']

const selectable = {
  ...Object.fromEntries(
    ABOUT.map((f) => [`involvedObject.${f}`, (o: ApiObject) => textAt(either(o, 'involvedObject', 'regarding'), f)]),
  ),
  ...Object.fromEntries(
    ABOUT.map((f) => [`regarding.${f}`, (o: ApiObject) => textAt(either(o, 'involvedObject', 'regarding'), f)]),
  ),
  reason: (o: ApiObject) => textAt(o, 'reason'),
  type: (o: ApiObject) => textAt(o, 'type'),
  source: (o: ApiObject) =>
    textAt(either(o, 'source', 'deprecatedSource'), 'component') || textAt(o, 'reportingComponent'),
  reportingComponent: (o: ApiObject) => String(either(o, 'reportingComponent', 'reportingController') ?? ''),
  reportingController: (o: ApiObject) => String(either(o, 'reportingComponent', 'reportingController') ?? ''),
}

const shared = {
  plural: 'events',
  kind: 'Event',
  shortNames: ['ev'],
  columns,
  storage: 'events',
  behaviour: { selectable, toVersion },
}

export const eventKind = builtin({ ...shared, message: 'core.v1.Event' })
export const eventsKind = builtin({ ...shared, group: 'events.k8s.io', message: 'events.v1.Event' })
