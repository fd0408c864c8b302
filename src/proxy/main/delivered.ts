import { type DescMessage, fromBinary, type Message, type MessageShape, toBinary } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import type { Any } from '@bufbuild/protobuf/wkt'
import { messageOf } from '../../errors.ts'
import type { NamedResource, RejectedResource } from '../../xds/index.ts'
import { messageName } from '../config/any.ts'

/** One delivered resource. */
export interface Delivered<T> {
  readonly proto: T
  /** '' for resources of the bootstrap. */
  readonly version: string
  readonly updated: Date
}

/** A resource that has come just now. */
export function delivered<T>(proto: T, version: string): Delivered<T> {
  return { proto, version, updated: new Date() }
}

interface Read<T> {
  readonly proto: T
  readonly version: string
}

/** The message in an `Any` of this type, or why it is none. */
export function decode<D extends DescMessage>(schema: D, any: Any): MessageShape<D> | string {
  if (messageName(any.typeUrl) !== schema.typeName) return `expected ${schema.typeName}, not ${any.typeUrl}`
  return attempt(() => fromBinary(schema, any.value))
}

/**
 * The messages of a response. What cannot be read of one that is the whole state may stand for one that is there, which must not go: then
 * nothing of the response counts, as in Envoy.
 */
export function decodeAll<T extends { readonly name: string }>(
  schema: GenMessage<T & Message>,
  resources: readonly NamedResource[],
): { readonly read: readonly Read<T & Message>[]; readonly unread: readonly RejectedResource[] } {
  const read: Read<T & Message>[] = []
  const unread: RejectedResource[] = []
  for (const { name, version, resource } of resources) {
    const proto = decode(schema, resource)
    if (typeof proto === 'string') unread.push({ name, reason: proto })
    else if (proto.name === '') unread.push({ name, reason: 'a name is missing' })
    else read.push({ proto, version })
  }
  return { read, unread }
}

/** The value, or why there is none. */
export function attempt<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    return messageOf(error)
  }
}

/** Whether a resource is what came before; nothing is done for it then. */
export function same<D extends DescMessage>(a: MessageShape<D> | undefined, b: MessageShape<D>, schema: D): boolean {
  return a !== undefined && sameBytes(toBinary(schema, a), toBinary(schema, b))
}

/** Whether two encoded messages are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
