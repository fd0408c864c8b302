/** What the cases send again and again. */
import type { Step } from '../case.ts'
import { data, END_STREAM, headers } from '../frames.ts'
import type { Field } from '../hpack.ts'
import type { Seen } from '../seen.ts'

/** Pseudo fields of a request. The upstream answers `/` when the request is whole, and `/hold` never. */
export function fields(method: string, path = '/'): readonly Field[] {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
  ]
}

export const GET = fields('GET')
export const POST = fields('POST')
/** A request whose stream stays half-closed (remote). */
export const HELD = fields('GET', '/hold')
/** What must never reach the upstream as a whole request. */
export const BAD_GET = fields('GET', '/malformed')
export const BAD_POST = fields('POST', '/malformed')

export const get = (stream: number, path = '/'): Buffer => headers(stream, fields('GET', path))
/** The head of a request with a body. */
export const post = (stream: number, extra: readonly Field[] = []): Buffer => headers(stream, [...POST, ...extra], 0)
export const end = (stream: number, text = ''): Buffer => data(stream, text, END_STREAM)

/** Waits for the whole answer. */
export const ended =
  (stream: number): Step =>
  (seen: Seen) =>
    seen.ended.has(stream)

export const padding = (length: number): Buffer => Buffer.alloc(length)
export const longValue = (length: number): string => 'x'.repeat(length)
