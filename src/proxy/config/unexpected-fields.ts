/** What a message holds that nobody may count on: fields that no descriptor of ours has, work in progress, what is deprecated. */
import {
  type DescField,
  type DescMessage,
  fromBinary,
  getOption,
  isFieldSet,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { field_status, file_status, message_status } from '../../../gen/xds/annotations/v3/status_pb.ts'
import { registry } from '../../xds/registry.ts'
import { messageName } from './any.ts'

/** One of them, and where it stands. */
export interface UnexpectedField {
  readonly kind: 'unknown' | 'work in progress' | 'deprecated'
  readonly typeName: string
  /** Its name, or the number of an unknown one; '' where the whole message is meant. */
  readonly field: string
  readonly path: string
}

/** An `Any` may hold an `Any`; nothing that is read lies as deep as this. */
const DEEPEST = 64
const ANY = 'google.protobuf.Any'

/** Also of the messages inside, and of what is packed in an `Any` of a type that we have. `path` is where the message stands. */
export function unexpectedFields<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  path: string,
): UnexpectedField[] {
  const found: UnexpectedField[] = []
  look(schema, message, path, DEEPEST, found)
  return found
}

function look(desc: DescMessage, message: Message, path: string, depth: number, found: UnexpectedField[]): void {
  const { typeName } = desc
  const { wip, fields } = planOf(desc)
  if (wip) found.push({ kind: 'work in progress', typeName, field: '', path })
  for (const no of new Set(message.$unknown?.map(({ no }) => no)))
    found.push({ kind: 'unknown', typeName, field: String(no), path })
  if (depth === 0) return
  for (const { field, wip, deprecated } of fields) {
    if (!isFieldSet(message, field)) continue
    const where = `${path}.${field.name}`
    if (wip) found.push({ kind: 'work in progress', typeName, field: field.name, path: where })
    if (deprecated) found.push({ kind: 'deprecated', typeName, field: field.name, path: where })
    const inner = field.message
    if (inner === undefined) continue
    const value = content(message, field)
    if (field.fieldKind === 'message') lookInto(inner, value, where, depth, found)
    else
      for (const [key, one] of Object.entries(value as object)) lookInto(inner, one, `${where}[${key}]`, depth, found)
  }
}

/** Of a wrapper or a Struct protobuf-es keeps the plain value, in which nothing is unknown. */
function lookInto(desc: DescMessage, value: unknown, path: string, depth: number, found: UnexpectedField[]): void {
  if (typeof value !== 'object' || value === null || !('$typeName' in value)) return
  if (desc.typeName !== ANY) {
    look(desc, value as Message, path, depth - 1, found)
    return
  }
  const { typeUrl, value: bytes } = value as Any
  const schema = registry.getMessage(messageName(typeUrl))
  if (schema === undefined) return
  let message: Message
  try {
    message = fromBinary(schema, bytes)
  } catch {
    // Whoever reads it refuses it.
    return
  }
  look(schema, message, path, depth - 1, found)
}

function content(message: Message, field: DescField): unknown {
  const values = message as unknown as Readonly<Record<string, unknown>>
  if (field.oneof === undefined) return values[field.localName]
  return (values[field.oneof.localName] as { readonly value?: unknown }).value
}

interface Plan {
  readonly wip: boolean
  /** Those that are to be looked at. */
  readonly fields: readonly { readonly field: DescField; readonly wip: boolean; readonly deprecated: boolean }[]
}

const PLANS = new Map<DescMessage, Plan>()

function planOf(desc: DescMessage): Plan {
  let plan = PLANS.get(desc)
  if (plan === undefined) {
    const fields = desc.fields
      .map((field) => {
        return { field, wip: getOption(field, field_status).workInProgress, deprecated: field.deprecated }
      })
      .filter(({ field, wip, deprecated }) => wip || deprecated || field.message !== undefined)
    const wip = getOption(desc, message_status).workInProgress || getOption(desc.file, file_status).workInProgress
    plan = { wip, fields }
    PLANS.set(desc, plan)
  }
  return plan
}
