import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { markSampled } from './mark-sampled.ts'

const T = '4bf92f3577b34da6a3ce929d0e0e4736'
const S = '00f067aa0ba902b7'

for (const [name, before, sampled, after] of [
  ['traceparent', `00-${T}-${S}-01`, false, `00-${T}-${S}-00`],
  ['traceparent', `00-${T}-${S}-00`, true, `00-${T}-${S}-01`],
  ['b3', `${T}-${S}-1-${S}`, false, `${T}-${S}-0-${S}`],
  ['b3', `${T}-${S}`, true, `${T}-${S}-1`],
  ['b3', '1', false, '1'],
] as const) {
  test(`${name}: ${before} becomes ${after}`, () => {
    const headers = HeaderMap.of([[name, before]])
    markSampled(headers, sampled)
    assert.equal(headers.get(name), after)
  })
}

test('B3 in several headers', () => {
  const headers = HeaderMap.of([
    ['x-b3-traceid', T],
    ['x-b3-sampled', '1'],
  ])
  markSampled(headers, false)
  assert.equal(headers.get('x-b3-sampled'), '0')
})
