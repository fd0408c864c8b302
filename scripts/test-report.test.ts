import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestEvent } from 'node:test/reporters'
import { Report } from './test-report.ts'

/** A report of one passed test and one skipped for `reason`. */
function withSkip(reason: string | true): Report {
  const report = new Report('/')
  const data = { name: 'a test', file: '/a.test.ts', skip: reason, details: {} }
  report.take({ type: 'test:pass', data } as unknown as TestEvent)
  const counts = { tests: 2, suites: 0, passed: 1, cancelled: 0, skipped: 1, todo: 0, topLevel: 2 }
  report.take({
    type: 'test:summary',
    data: { counts, success: true, duration_ms: 1, file: undefined },
  } as unknown as TestEvent)
  return report
}

/** Closes a report with what it prints kept back. */
function close(
  report: Report,
  strict: boolean,
  t: { mock: { method: typeof import('node:test').mock.method } },
): { good: boolean; text: string } {
  const lines: string[] = []
  const log = t.mock.method(console, 'log', (line: string) => lines.push(line))
  const good = report.close(strict)
  log.mock.restore()
  return { good, text: lines.join('\n') }
}

test('a skipped test is named, and fails the run only where it has to', (t) => {
  const cases: [string | true, boolean, boolean][] = [
    ['peer envoy: not here', false, true],
    ['peer envoy: not here', true, false],
    ['peer shared-modules: not here', true, true],
    ['no time', true, false],
    [true, true, false],
  ]
  for (const [reason, strict, expected] of cases) {
    const { good, text } = close(withSkip(reason), strict, t)
    assert.equal(good, expected, `${reason} ${strict}`)
    assert.match(text, /a\.test\.ts › a test/)
    assert.match(text, /ℹ tests 2\n.*\nℹ pass 1\nℹ fail 0\nℹ cancelled 0\nℹ skipped 1\n.*\nℹ duration_ms \d+$/)
  }
})

test('a failure, and a run without any test, is not good', (t) => {
  const failed = new Report('/')
  const details = { error: new Error('wrong', { cause: new Error('the cause') }) }
  failed.take({ type: 'test:fail', data: { name: 'x', file: '/b.test.ts', line: 3, details } } as unknown as TestEvent)
  const { good, text } = close(failed, false, t)
  assert.equal(good, false)
  assert.match(text, /✖ b\.test\.ts:3 › x\n.*the cause/)
  assert.equal(close(new Report('/'), false, t).good, false)
})
