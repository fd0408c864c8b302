import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { eventually } from '../testing.ts'
import { openLog } from './log-file.ts'

describe('log file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  after(() => rmSync(dir, { recursive: true }))

  test('lines of all lengths come in their order, the last ones after the end', async () => {
    const path = join(dir, 'order')
    const file = openLog(path)
    let expected = ''
    for (let i = 0; i < 3000; i++) {
      const line = `${i} ${'x'.repeat(i % 500 === 0 ? 100_000 : i % 300)}\u00ff\n`
      expected += line
      file.write(line)
      if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    file.close()
    await eventually(() => readFileSync(path).length >= expected.length)
    assert.ok(readFileSync(path, 'latin1') === expected)
    assert.equal(file.dropped, 0)
  })

  test('a line that comes alone is written soon', async () => {
    const path = join(dir, 'alone')
    const file = openLog(path)
    for (const line of ['a\n', 'b\n']) {
      file.write(line)
      await eventually(() => readFileSync(path, 'latin1').endsWith(line))
    }
    file.close()
  })

  test('what comes after the end goes nowhere', async () => {
    const file = openLog(join(dir, 'ended'))
    file.close()
    // Takes the descriptor that has become free.
    const other = join(dir, 'other')
    const fd = openSync(other, 'w')
    file.write('lost\n')
    file.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual([file.dropped, readFileSync(other, 'latin1')], [1, ''])
    closeSync(fd)
  })

  test('what is more than can wait is dropped, line by line, and counted', async () => {
    const path = join(dir, 'flood')
    const file = openLog(path)
    const line = `${'y'.repeat(1023)}\n`
    const lines = 20 * 1024
    for (let i = 0; i < lines; i++) file.write(line)
    assert.ok(file.dropped > 0)
    file.close()
    const kept = lines - file.dropped
    await eventually(() => statSync(path).size === kept * line.length)
    assert.ok(readFileSync(path, 'latin1') === line.repeat(kept))
  })
})
