import assert from 'node:assert/strict'
import { test } from 'node:test'
import { double, assert as forAll, property } from 'fast-check'
import { formatTime } from './format-time.ts'

test('the default format is what a Date writes, whatever was asked for before', () => {
  const times = double({ min: -8.64e15, max: 8.64e15, noNaN: true, noDefaultInfinity: true })
  forAll(
    property(times, double({ min: 0, max: 2000, noNaN: true }), (ms, later) => {
      for (const time of [ms, ms + later, ms]) {
        if (Math.abs(time) > 8.64e15) continue
        assert.equal(formatTime(time, ''), new Date(Math.floor(time)).toISOString())
      }
    }),
  )
})
