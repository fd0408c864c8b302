import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HeaderMap } from '../../base/header-map.ts'
import { Span, SpanKind } from './span.ts'
import { extractW3c, injectW3c } from './w3c.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

function extract(...pairs: [string, string][]) {
  return extractW3c(HeaderMap.of(pairs))
}

describe('traceparent (W3C Trace Context 3.2)', () => {
  for (const [what, value, expected] of [
    ['sampled', `00-${TRACE}-${PARENT}-01`, true],
    ['not sampled', `00-${TRACE}-${PARENT}-00`, false],
    ['other flags count for nothing', `00-${TRACE}-${PARENT}-fe`, false],
    ['a later version of the same length', `cc-${TRACE}-${PARENT}-01`, true],
    ['an id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`, 'broken'],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, 'broken'],
    ['too short', `00-${TRACE}-${PARENT}-1`, 'broken'],
    ['too long', `00-${TRACE}-${PARENT}-01-x`, 'broken'],
    ['no hex', `00-${TRACE.replace('0', 'g')}-${PARENT}-01`, 'broken'],
    ['empty', '', 'broken'],
  ] as const) {
    test(what, () => {
      const found = extract(['traceparent', value])
      assert.deepEqual(typeof found === 'object' ? found.sampled : found, expected)
    })
  }

  test('absent', () => assert.equal(extract(['tracestate', 'a=b']), undefined))

  test('several tracestates are one list', () => {
    const found = extract(['traceparent', `00-${TRACE}-${PARENT}-01`], ['tracestate', 'a=b'], ['tracestate', 'c=d'])
    assert.ok(typeof found === 'object')
    assert.equal(found.traceState, 'a=b,c=d')
  })

  test('what is injected is what is extracted', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.constantFrom('', 'a=b'), (sampled, traceState) => {
        const parent = { traceId: TRACE, spanId: PARENT, sampled, traceState }
        const span = Span.child('s', SpanKind.Server, 0, parent)
        const headers = HeaderMap.of([['tracestate', 'stale=1']])
        injectW3c(span, headers)
        assert.deepEqual(extractW3c(headers), { traceId: TRACE, spanId: span.spanId, sampled, traceState })
        assert.equal(headers.has('tracestate'), traceState !== '')
      }),
    )
  })

  test('nothing that comes in makes it throw', () => {
    fc.assert(fc.property(fc.string(), (value) => void extract(['traceparent', value])))
  })
})
