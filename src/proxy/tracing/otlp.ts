/** OTLP's ExportTraceServiceRequest (opentelemetry-proto v1.3, collector/trace/v1 and trace/v1) in protobuf's wire format. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Span } from './span.ts'

const LEN = WireType.LengthDelimited
const ERROR = 2

/** The part of a request that is the same for all: `ResourceSpans.resource`. */
export function encodeResource(attributes: ReadonlyMap<string, string>): Uint8Array {
  const out = new BinaryWriter()
  for (const [name, value] of attributes) writeAttribute(out, 1, name, value)
  return out.finish()
}

/** One request: resource_spans (1) { resource (1), scope_spans (2) { scope (1), spans (2) } }. */
export function encodeSpans(resource: Uint8Array, spans: readonly Span[]): Uint8Array {
  const out = new BinaryWriter().tag(1, LEN).fork()
  out.tag(1, LEN).bytes(resource)
  out.tag(2, LEN).fork()
  out.tag(1, LEN).fork().tag(1, LEN).string('sluice').join()
  for (const span of spans) writeSpan(out, span)
  out.join()
  return out.join().finish()
}

function writeSpan(out: BinaryWriter, span: Span): void {
  out.tag(2, LEN).fork()
  out.tag(1, LEN).bytes(Buffer.from(span.traceId.padStart(32, '0'), 'hex'))
  out.tag(2, LEN).bytes(Buffer.from(span.spanId, 'hex'))
  if (span.traceState !== '') out.tag(3, LEN).string(span.traceState)
  if (span.parentId !== '') out.tag(4, LEN).bytes(Buffer.from(span.parentId, 'hex'))
  out.tag(5, LEN).string(span.name)
  out.tag(6, WireType.Varint).int32(span.kind)
  out.tag(7, WireType.Bit64).fixed64(nanoseconds(span.start))
  out.tag(8, WireType.Bit64).fixed64(nanoseconds(span.end))
  for (let i = 0; i < span.tags.length; i += 2) writeAttribute(out, 9, span.tags[i], span.tags[i + 1])
  if (span.failed) out.tag(15, LEN).fork().tag(3, WireType.Varint).int32(ERROR).join()
  out.join()
}

/** KeyValue { key (1), value (2) { string_value (1) } } */
function writeAttribute(out: BinaryWriter, field: number, name: string, value: string): void {
  out.tag(field, LEN).fork().tag(1, LEN).string(name)
  out.tag(2, LEN).fork().tag(1, LEN).string(value).join()
  out.join()
}

function nanoseconds(ms: number): bigint {
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6))
}
