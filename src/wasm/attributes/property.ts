import { create, type DescMessage, type Message } from '@bufbuild/protobuf'
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt'
import { byteString } from '../../base/byte-string.ts'
import { InternTable } from '../../base/intern.ts'
import type { Context } from '../context/context.ts'
import { type AttributeValue, childOf, Dictionary, Proto } from './value.ts'

/** A path has at most this many segments. */
const DEEPEST = 32
/** Bytes of a path that is remembered: those into metadata have names of filters and keys. */
const LONGEST = 256

/** Legacy names at the top of the tree, gone from Envoy 1.33 on; modules of their time still ask for them. */
const LEGACY: Readonly<Record<string, string>> = {
  node: 'node',
  cluster_name: 'cluster_name',
  cluster_metadata: 'cluster_metadata',
  route_name: 'route_name',
  route_metadata: 'route_metadata',
  listener_direction: 'listener_direction',
  listener_metadata: 'listener_metadata',
  upstream_host_metadata: 'upstream_host_metadata',
}

/** Groups whose second segment is a field of the embedder's. */
const GROUPS = new Set([
  'request',
  'response',
  'source',
  'destination',
  'connection',
  'upstream',
  'metadata',
  'filter_state',
  'upstream_filter_state',
  'xds',
])

/** A path of `proxy_get_property` and `proxy_set_property`, taken apart. */
export interface PropertyPath {
  readonly segments: readonly string[]
  /** Under which `proxy_set_property` keeps it. */
  readonly key: string
}

/** Paths as modules write them; the same few come for ever. Undefined: too deep. */
export const propertyPaths: InternTable<PropertyPath | undefined> = new InternTable(splitPath, LONGEST)

/** Segments are joined with NUL; the C++ SDK may put one more at the end. */
export function splitPath(path: string): PropertyPath | undefined {
  const segments = path.split('\0')
  if (segments.length > 1 && segments[segments.length - 1] === '') segments.pop()
  return segments.length > DEEPEST ? undefined : { segments, key: stateKey(segments.join('\0')) }
}

/** The value at a path of the attribute tree, for `proxy_get_property`; a group of attributes as a whole is one without an encoding. */
export function findProperty(context: Context, { segments, key }: PropertyPath): AttributeValue | undefined {
  const root = segments[0]
  const own = context.readableState?.get(key)
  if (own !== undefined) return own
  if (GROUPS.has(root)) {
    if (segments.length === 1) return attributeGroup(context, root)
    return descend(context.attribute(root, segments[1]), segments, 2)
  }
  const value = topLevel(context, root)
  return descend(value, segments, 1)
}

/** The same tree for CEL: a group is a dictionary of its fields. */
export function attributeRoot(context: Context, name: string): AttributeValue | undefined {
  return attributeGroup(context, name) ?? topLevel(context, name)
}

/** A group of attributes for CEL, which has types for points in time and for durations; undefined where there is no such group. */
export function attributeGroup(source: AttributeSource, name: string): Dictionary | undefined {
  if (!GROUPS.has(name)) return undefined
  return new Dictionary((field) => {
    const value = source.attribute(name, field)
    if (typeof value !== 'number' && typeof value !== 'bigint') return value
    if (name === 'request' && field === 'time') return new Proto(TimestampSchema, ofNanos(TimestampSchema, value))
    if ((name === 'request' && field === 'duration') || (name === 'response' && field === 'backend_latency'))
      return new Proto(DurationSchema, ofNanos(DurationSchema, value))
    return value
  })
}

interface AttributeSource {
  attribute(group: string, name: string): AttributeValue | undefined
}

function ofNanos(schema: typeof TimestampSchema | typeof DurationSchema, value: number | bigint): Message {
  const nanos = BigInt(value)
  return create<DescMessage>(schema, { seconds: nanos / 1_000_000_000n, nanos: Number(nanos % 1_000_000_000n) })
}

/** `set_property` writes below `wasm.`, so that it cannot overwrite what the proxy knows (Envoy's CelState prefix). */
export function stateKey(path: string): string {
  return `wasm.${path}`
}

function topLevel(context: Context, name: string): AttributeValue | undefined {
  switch (name) {
    case 'plugin_name':
      return byteString(context.plugin.name)
    case 'plugin_root_id':
      return byteString(context.plugin.rootId)
    case 'plugin_vm_id':
      return byteString(context.plugin.vmId)
    case 'connection_id':
      return context.attribute('connection', 'id')
    default:
      if (Object.hasOwn(LEGACY, name)) return context.attribute('xds', LEGACY[name])
      return context.readableState?.get(stateKey(name))
  }
}

function descend(
  start: AttributeValue | undefined,
  segments: readonly string[],
  from: number,
): AttributeValue | undefined {
  let value = start
  for (let i = from; i < segments.length && value !== undefined; i++) value = childOf(value, segments[i])
  return value
}
