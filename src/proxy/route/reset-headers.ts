import {
  type RetryPolicy_RateLimitedRetryBackOff,
  RetryPolicy_RateLimitedRetryBackOffSchema,
  RetryPolicy_ResetHeaderFormat,
  RetryPolicy_ResetHeaderSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { durationMs, invalid, onlyFields, pauseMs } from '../config/fields.ts'

/** Headers by which an upstream says when to come again (`rate_limited_retry_back_off`): `retry-after`, `x-ratelimit-reset`. */
export class ResetHeaders {
  readonly #headers: readonly { readonly name: string; readonly timestamp: boolean }[]
  readonly #maxMs: number

  constructor(proto: RetryPolicy_RateLimitedRetryBackOff, path: string) {
    onlyFields(RetryPolicy_RateLimitedRetryBackOffSchema, proto, ['reset_headers', 'max_interval'], path)
    if (proto.resetHeaders.length === 0) throw invalid(`${path}.reset_headers`, 'at least one is needed')
    this.#headers = proto.resetHeaders.map((header, i) => {
      const where = `${path}.reset_headers[${i}]`
      onlyFields(RetryPolicy_ResetHeaderSchema, header, ['name', 'format'], where)
      if (header.name === '') throw invalid(`${where}.name`, 'a name is missing')
      const timestamp = header.format === RetryPolicy_ResetHeaderFormat.UNIX_TIMESTAMP
      return { name: header.name.toLowerCase(), timestamp }
    })
    pauseMs(proto.maxInterval, 0, `${path}.max_interval`)
    this.#maxMs = durationMs(proto.maxInterval, 300_000)
  }

  /** How long to wait, by the first of the headers that says so, and nothing too long; 0: none does. */
  waitMs(answer: HeaderMap): number {
    for (const { name, timestamp } of this.#headers) {
      const text = answer.get(name)
      if (text === undefined || !/^\d{1,15}$/.test(text)) continue
      const seconds = timestamp ? Number(text) - Math.floor(Date.now() / 1000) : Number(text)
      if (seconds >= 0 && seconds * 1000 <= this.#maxMs) return seconds * 1000
    }
    return 0
  }
}
