import type { HeaderMap } from '../../base/header-map.ts'
import type { Span, SpanContext } from './span.ts'

/** A tracing system: how a trace is carried from hop to hop, and where finished spans go. One for each connection manager and worker. */
export interface TraceProvider {
  /** The trace that a request belongs to: `undefined` when it belongs to none, `'broken'` when what it says makes no sense. */
  extract(headers: HeaderMap): SpanContext | 'broken' | undefined
  inject(span: Span, headers: HeaderMap): void
  /** Whether a request is sampled: the configured share says `decided`, the caller says what is in `parent`. */
  sampled(decided: boolean, parent: SpanContext | undefined): boolean
  report(span: Span): void
  /** Sends what has been gathered; spans may still follow. */
  flush(): void
}
