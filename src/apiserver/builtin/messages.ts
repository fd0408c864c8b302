/**
 * The fields of the built-in kinds, with their numbers in Kubernetes' protobuf form (k8s.io/api v0.35). One table serves the
 * protobuf decoder, unknown-field checks, OpenAPI, strategic merge and server-side apply.
 *
 * A line is `message: number name:type, ...`. Types: scalars, `[]T`, `map<string,T>`, message names (`m.` is meta/v1, no
 * package is core/v1), `json` for anything. `*` is a Go pointer: on the wire its zero is kept. `!` has no omitempty: it is
 * always in the JSON. `(inlined)`: the fields belong to the parent's JSON object.
 */
import { APIEXTENSIONS } from './messages-apiextensions.ts'
import { APPS } from './messages-apps.ts'
import { CORE } from './messages-core.ts'
import { META } from './messages-meta.ts'
import { POD } from './messages-pod.ts'

export interface FieldType {
  /** A scalar's name or a message's full name. */
  readonly of: string
  readonly repeated: boolean
  readonly map: boolean
}

export interface Field extends FieldType {
  readonly number: number
  /** The JSON name. */
  readonly name: string
  readonly pointer: boolean
  readonly always: boolean
  readonly inlined: boolean
}

export interface Message {
  readonly name: string
  readonly fields: readonly Field[]
  readonly byNumber: ReadonlyMap<number, Field>
}

const SCALARS = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'double', 'json'])

const messages = new Map<string, Message>()
for (const text of [META, CORE, POD, APPS, APIEXTENSIONS]) {
  for (const line of text.split('\n')) {
    if (line === '') continue
    const colon = line.indexOf(': ')
    const name = line.slice(0, colon).replace(/^meta\./, 'meta.v1.')
    const fields = line
      .slice(colon + 2)
      .split(', ')
      .map(parseField)
    messages.set(name, { name, fields, byNumber: new Map(fields.map((field) => [field.number, field])) })
  }
}

export function message(name: string): Message {
  const found = messages.get(name)
  if (found === undefined) throw new Error(`no message ${name} in the tables of built-in types`)
  return found
}

export function hasMessage(name: string): boolean {
  return messages.has(name)
}

function parseField(text: string): Field {
  const found = /^(\d+) (\w+):(\[\])?(?:map<string,([^>]+)>|([\w.]+))([*!]?)( \(inlined\))?$/.exec(text)
  if (found === null) throw new Error(`cannot read field ${text}`)
  const [, number, name, repeated, mapOf, plain, mark, inlined] = found
  return {
    number: Number(number),
    name,
    of: fullName(mapOf ?? plain),
    repeated: repeated !== undefined,
    map: mapOf !== undefined,
    pointer: mark === '*',
    always: mark === '!',
    // In the Go source these two are embedded structs too, which the .proto files do not show.
    inlined: inlined !== undefined || name === 'ephemeralContainerCommon' || name === 'persistentVolumeSource',
  }
}

function fullName(type: string): string {
  if (SCALARS.has(type)) return type
  if (type.startsWith('m.')) return `meta.v1.${type.slice(2)}`
  return type.includes('.') ? type : `core.v1.${type}`
}
