import assert from 'node:assert/strict'
import { test } from 'node:test'
import { double, assert as forAll, property } from 'fast-check'
import { formatLocalTime, formatTime } from './format-time.ts'

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

test('local times are those of the process’s zone', () => {
  const before = process.env['TZ']
  try {
    process.env['TZ'] = 'Asia/Kolkata'
    const time = Date.UTC(2026, 10, 29, 20, 30, 1, 234)
    assert.equal(formatLocalTime(time, ''), '2026-11-30T02:00:01.234+0530')
    assert.equal(formatLocalTime(time, '%d %H:%M %s %Z'), `30 02:00 ${time / 1000 - 0.234} GMT+5:30`)
    process.env['TZ'] = 'America/New_York'
    assert.equal(formatLocalTime(time, '%F %T%z'), '2026-11-29 15:30:01-0500')
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
})
