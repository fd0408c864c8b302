/**
 * Kubernetes' protobuf bodies to JSON. client-go's typed clients send them from 0.32 on (`kubectl create configmap`, Helm's
 * release secrets) and take a 415 as final; answers are always JSON, which they accept.
 */
import { type Field, hasMessage, message } from '../builtin/messages.ts'
import { type Json, type JsonObject, setOwn } from '../json.ts'
import { WireReader } from './wire.ts'

/** "k8s\0": then follows runtime.Unknown. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00]

const text = new TextDecoder('utf-8')

export class ProtobufError extends Error {}

export function decodeProtobuf(body: Uint8Array): JsonObject {
  if (MAGIC.some((byte, i) => body[i] !== byte)) throw new ProtobufError('the body has no Kubernetes protobuf prefix')
  let apiVersion = ''
  let kind = ''
  let raw: Uint8Array = new Uint8Array()
  readFields(body.subarray(4), (number, reader, wireType) => {
    if (number === 1) {
      readFields(reader.bytes(), (inner, meta, innerType) => {
        if (inner === 1) apiVersion = text.decode(meta.bytes())
        else if (inner === 2) kind = text.decode(meta.bytes())
        else meta.skip(innerType)
      })
    } else if (number === 2) raw = reader.bytes()
    else reader.skip(wireType)
  })
  return { apiVersion, kind, ...decodeMessage(messageFor(apiVersion, kind), raw) }
}

/** Whether bodies of this kind can be read. */
function messageFor(apiVersion: string, kind: string): string {
  // Options kinds are registered in every group; client-go names the group of the request.
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions'
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? 'core' : apiVersion.slice(0, slash)
  const name = `${group.split('.')[0]}.${apiVersion.slice(slash + 1)}.${kind}`
  if (!hasMessage(name) || message(name).fields.some((field) => field.number === 0)) {
    throw new ProtobufError(`protobuf bodies of ${apiVersion} ${kind} are not supported; send JSON`)
  }
  return name
}

function readFields(bytes: Uint8Array, take: (number: number, reader: WireReader, wireType: number) => void): void {
  const reader = new WireReader(bytes)
  while (!reader.done) {
    const tag = Number(reader.varint())
    take(tag >>> 3, reader, tag & 7)
  }
}

function decodeMessage(name: string, bytes: Uint8Array): JsonObject {
  const { byNumber, fields } = message(name)
  const object: JsonObject = {}
  readFields(bytes, (number, reader, wireType) => {
    const field = byNumber.get(number)
    if (field === undefined) {
      reader.skip(wireType)
      return
    }
    if (field.map) {
      readMapEntry(object, field, reader.bytes())
      return
    }
    const value = readValue(field.of, reader)
    if (field.inlined) Object.assign(object, value)
    else if (field.repeated) {
      object[field.name] ??= []
      ;(object[field.name] as Json[]).push(value)
    } else if (keep(field, value)) object[field.name] = value
  })
  for (const field of fields) {
    if (field.always && !field.repeated && !field.map && !Object.hasOwn(object, field.name)) {
      const zero = ZEROS[field.of]
      if (zero !== undefined) object[field.name] = zero
    }
  }
  return object
}

const ZEROS: Readonly<Record<string, Json>> = { string: '', bytes: '', bool: false, int32: 0, int64: 0, double: 0 }

/** Go writes the zero of every non-pointer field; encoding/json's omitempty would drop it, and so must we. */
function keep(field: Field, value: Json): boolean {
  if (field.pointer || field.always) return true
  if (value === null || value === '' || value === 0 || value === false) return false
  // Empty struct fields (status, strategy, resources) are always on the wire; pointers to messages are not, but an empty
  // one (emptyDir: {}) means something, and there is no telling them apart by type. Known always-empty ones are dropped.
  return !(typeof value === 'object' && Object.keys(value).length === 0 && EMPTY_STRUCTS.has(field.name))
}

const EMPTY_STRUCTS = new Set([
  'status',
  'strategy',
  'resources',
  'metadata',
  'loadBalancer',
  'source',
  'conditions',
  'lastState',
  'state',
])

function readMapEntry(object: JsonObject, field: Field, bytes: Uint8Array): void {
  object[field.name] ??= {}
  const map = object[field.name] as JsonObject
  let key = ''
  let value: Json = ZEROS[field.of] ?? {}
  readFields(bytes, (number, reader, wireType) => {
    if (number === 1) key = text.decode(reader.bytes())
    else if (number === 2) value = readValue(field.of, reader)
    else reader.skip(wireType)
  })
  setOwn(map, key, value)
}

function readValue(type: string, reader: WireReader): Json {
  switch (type) {
    case 'string':
      return text.decode(reader.bytes())
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64')
    case 'bool':
      return reader.varint() !== 0n
    case 'int32':
    case 'int64':
      return reader.signed()
    case 'double':
      return reader.double()
    case 'meta.v1.Time':
      return readTime(reader.bytes(), 0)
    case 'meta.v1.MicroTime':
      return readTime(reader.bytes(), 6)
    case 'meta.v1.FieldsV1':
      return JSON.parse(text.decode(firstBytes(reader.bytes())))
    case 'api.resource.Quantity':
      return text.decode(firstBytes(reader.bytes()))
    case 'util.intstr.IntOrString':
      return readIntOrString(reader.bytes())
    case 'authentication.v1.ExtraValue':
    case 'authorization.v1.ExtraValue':
      return (decodeMessage(type, reader.bytes())['items'] as Json) ?? []
    default:
      return decodeMessage(type, reader.bytes())
  }
}

function firstBytes(bytes: Uint8Array): Uint8Array {
  let found: Uint8Array = new Uint8Array()
  readFields(bytes, (number, reader, wireType) => {
    if (number === 1) found = reader.bytes()
    else reader.skip(wireType)
  })
  return found
}

function readTime(bytes: Uint8Array, digits: number): string | null {
  let seconds = 0
  let nanos = 0
  readFields(bytes, (number, reader, wireType) => {
    if (number === 1) seconds = reader.signed()
    else if (number === 2) nanos = reader.signed()
    else reader.skip(wireType)
  })
  // Go's zero time is sent as an empty message, or as the year 1.
  if ((seconds === 0 && nanos === 0) || seconds === -62135596800) return null
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  return digits === 0 ? `${whole}Z` : `${whole}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`
}

function readIntOrString(bytes: Uint8Array): number | string {
  let type = 0
  let number = 0
  let string = ''
  readFields(bytes, (field, reader, wireType) => {
    if (field === 1) type = reader.signed()
    else if (field === 2) number = reader.signed()
    else if (field === 3) string = text.decode(reader.bytes())
    else reader.skip(wireType)
  })
  return type === 0 ? number : string
}
