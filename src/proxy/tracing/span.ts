import { randomFillSync } from 'node:crypto'

/** What one hop tells the next about a trace. */
export interface SpanContext {
  /** 32 lower-case hex digits; of B3 perhaps 16. */
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
  /** W3C `tracestate`, or ''. */
  readonly traceState: string
}

/** OpenTelemetry's numbers. */
export const SpanKind = { Internal: 1, Server: 2, Client: 3 } as const
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind]

/** One span. Times are milliseconds of the wall clock with fraction. */
export class Span implements SpanContext {
  name: string
  readonly kind: SpanKind
  readonly traceId: string
  readonly spanId: string
  /** '' for the first of a trace. */
  readonly parentId: string
  readonly sampled: boolean
  readonly traceState: string
  readonly start: number
  end = 0
  failed = false
  /** name0, value0, name1, value1, … */
  readonly tags: string[] = []

  constructor(name: string, kind: SpanKind, start: number, ids: SpanContext & { readonly parentId: string }) {
    this.name = name
    this.kind = kind
    this.start = start
    this.traceId = ids.traceId
    this.spanId = ids.spanId
    this.parentId = ids.parentId
    this.sampled = ids.sampled
    this.traceState = ids.traceState
  }

  /** The first span of a trace; as in Zipkin its own id is the end of the trace's. */
  static root(name: string, kind: SpanKind, start: number, sampled: boolean, idBytes = 16): Span {
    const traceId = randomHex(idBytes)
    return new Span(name, kind, start, { traceId, spanId: traceId.slice(-16), parentId: '', sampled, traceState: '' })
  }

  static child(name: string, kind: SpanKind, start: number, parent: SpanContext, sampled = parent.sampled): Span {
    const { traceId, traceState } = parent
    return new Span(name, kind, start, { traceId, spanId: randomHex(8), parentId: parent.spanId, sampled, traceState })
  }

  tag(name: string, value: string): void {
    const { tags } = this
    for (let i = 0; i < tags.length; i += 2) {
      if (tags[i] !== name) continue
      tags[i + 1] = value
      return
    }
    tags.push(name, value)
  }
}

/** Chance is fetched for many ids at once: the call costs more than the bytes. */
const POOL = Buffer.alloc(4096)
let at = POOL.length

function randomHex(bytes: number): string {
  if (at + bytes > POOL.length) {
    randomFillSync(POOL)
    at = 0
  }
  const from = at
  at += bytes
  return POOL.toString('hex', from, at)
}
