import type { HeaderMap } from '../../base/header-map.ts'
import type { Span, SpanKind } from './span.ts'

/** A tracing system: how a trace is carried from hop to hop, and where finished spans go. One for each connection manager and worker. */
export interface TraceProvider {
  /**
   * The span of a request, in the trace that its headers tell of. `decided` is the configured sampling's word, which counts where
   * the caller says nothing. `undefined`: what the headers say makes no sense.
   */
  begin(headers: HeaderMap, name: string, kind: SpanKind, start: number, decided: boolean): Span | undefined
  inject(span: Span, headers: HeaderMap): void
  report(span: Span): void
  /** Sends what has been gathered; spans may still follow. */
  flush(): void
}
