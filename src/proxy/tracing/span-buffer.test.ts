import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { StatsStore } from '../stats/store.ts'
import { Span, SpanKind } from './span.ts'
import { SpanBuffer } from './span-buffer.ts'

function span(): Span {
  return Span.root('s', SpanKind.Server, 0, true)
}

test('spans leave in batches, one at a time, and never from within a request', async () => {
  const batches: number[] = []
  let done = () => {}
  const buffer = new SpanBuffer(new StatsStore(), 't', 5, 60_000, (spans, next) => {
    batches.push(spans.length)
    done = next
  })
  for (let i = 0; i < 7; i++) buffer.add(span())
  assert.deepEqual(batches, [])
  await turn()
  assert.deepEqual(batches, [7])
  for (let i = 0; i < 600; i++) buffer.add(span())
  await turn()
  assert.deepEqual(batches, [7])
  done()
  assert.deepEqual(batches, [7, 512])
  done()
  assert.deepEqual(batches, [7, 512, 88])
  done()
  buffer.add(span())
  buffer.flush()
  assert.deepEqual(batches, [7, 512, 88, 1])
})

test('a collector that does not answer costs a bounded number of spans', async () => {
  const stats = new StatsStore()
  const buffer = new SpanBuffer(stats, 't', 1, 60_000, () => {})
  for (let i = 0; i < 10_000; i++) buffer.add(span())
  await turn()
  for (let i = 0; i < 10_000; i++) buffer.add(span())
  assert.equal(stats.counter('t.spans_sent').value, 512)
  assert.equal(stats.counter('t.spans_dropped').value, 20_000 - 8192 - 512)
})
