import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeaderMap } from '../../base/header-map.ts'
import { extractB3, injectB3 } from './b3.ts'
import { Span, SpanKind } from './span.ts'

test('what is injected is what is extracted, in the form in which it came', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (single, sampled, child) => {
      const root = Span.root('s', SpanKind.Server, 0, sampled)
      const span = child ? Span.child('s', SpanKind.Client, 0, root) : root
      const headers = HeaderMap.of(single ? [['b3', '1']] : [['x-b3-parentspanid', 'stale']])
      injectB3(span, headers)
      assert.equal(headers.size, single ? 1 : child ? 4 : 3)
      const { traceId, spanId, parentId } = span
      assert.deepEqual(extractB3(headers), { traceId, spanId, parentId, sampled })
    }),
  )
})

test('nothing that comes in makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      extractB3(HeaderMap.of([['b3', a]]))
      extractB3(
        HeaderMap.of([
          ['x-b3-traceid', a],
          ['x-b3-spanid', b],
        ]),
      )
    }),
  )
})
