import assert from 'node:assert/strict'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { StatsStore } from '../stats/store.ts'
import { eventually } from '../testing.ts'
import { openLog, reopenLogs } from './log-file.ts'

describe('log file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  after(() => rmSync(dir, { recursive: true }))
  const stats = new StatsStore()
  /** What a counter of files has grown by since the last time. */
  const last = new Map<string, number>()
  const grown = (name: string) => {
    const { value } = stats.counter(`filesystem.${name}`)
    const before = last.get(name) ?? 0
    last.set(name, value)
    return value - before
  }

  test('lines of all lengths come in their order, the last ones after the end', async () => {
    const path = join(dir, 'order')
    const file = openLog(path, stats)
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
    assert.deepEqual([grown('write_buffered'), grown('write_dropped')], [3000, 0])
  })

  test('a line that comes alone is written soon', async () => {
    const path = join(dir, 'alone')
    const file = openLog(path, stats)
    for (const line of ['a\n', 'b\n']) {
      file.write(line)
      await eventually(() => readFileSync(path, 'latin1').endsWith(line))
    }
    file.close()
  })

  test('what comes after the end goes nowhere', async () => {
    const file = openLog(join(dir, 'ended'), stats)
    file.close()
    // Takes the descriptor that has become free.
    const other = join(dir, 'other')
    const fd = openSync(other, 'w')
    file.write('lost\n')
    file.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual([grown('write_dropped'), readFileSync(other, 'latin1')], [1, ''])
    closeSync(fd)
  })

  test('what is more than can wait is dropped, line by line, and counted', async () => {
    const path = join(dir, 'flood')
    const file = openLog(path, stats)
    const line = `${'y'.repeat(1023)}\n`
    const lines = 20 * 1024
    for (let i = 0; i < lines; i++) file.write(line)
    const dropped = grown('write_dropped')
    assert.ok(dropped > 0)
    file.close()
    const kept = lines - dropped
    await eventually(() => statSync(path).size === kept * line.length)
    assert.ok(readFileSync(path, 'latin1') === line.repeat(kept))
  })

  test('what cannot be written is counted, and does not hold up what follows', {
    skip: !existsSync('/dev/full'),
  }, async () => {
    // Bytes are in a file before the one who wrote them is told so.
    await eventually(() => stats.gauge('filesystem.write_total_buffered').value === 0)
    grown('write_completed')
    const file = openLog('/dev/full', stats)
    file.write('a\n')
    await eventually(() => stats.counter('filesystem.write_failed').value === 1)
    file.write('b\n')
    file.close()
    await eventually(() => stats.counter('filesystem.write_failed').value === 2)
    assert.deepEqual([grown('write_completed'), stats.gauge('filesystem.write_total_buffered').value], [0, 0])
  })

  test('a file that was renamed is left for the one that has its path now', async () => {
    const path = join(dir, 'turned')
    const file = openLog(path, stats)
    file.write('a\n')
    await eventually(() => readFileSync(path, 'latin1') === 'a\n')
    renameSync(path, `${path}.1`)
    reopenLogs()
    file.write('b\n')
    file.close()
    await eventually(() => existsSync(path) && readFileSync(path, 'latin1') === 'b\n')
    assert.equal(readFileSync(`${path}.1`, 'latin1'), 'a\n')
  })

  test('a file that cannot be opened again is written to as before', async () => {
    const folder = mkdtempSync(join(dir, 'gone-'))
    const file = openLog(join(folder, 'log'), stats)
    const moved = `${folder}-moved`
    renameSync(folder, moved)
    reopenLogs()
    file.write('a\n')
    file.close()
    await eventually(() => readFileSync(join(moved, 'log'), 'latin1') === 'a\n')
    assert.equal(grown('reopen_failed'), 1)
  })
})
