import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ProcessTable } from './process-table.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-processes-'))
after(() => rmSync(dir, { recursive: true }))

/** A shell with a child, in a group of their own. */
function group(): { pid: number; ended: Promise<unknown> } {
  const child = spawn('/bin/sh', ['-c', 'sleep 1000 & wait'], { detached: true, stdio: 'ignore' })
  return { pid: child.pid!, ended: new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal))) }
}

test('what a killed run left behind is ended by the next one, with its children', async () => {
  const file = join(dir, 'left/processes.json')
  const before = new ProcessTable(file)
  const [a, b] = [group(), group()]
  before.add(a.pid)
  before.add(b.pid)
  before.remove(b.pid)

  const next = new ProcessTable(file)
  assert.equal(next.endOrphans(), 1)
  assert.equal(await a.ended, 'SIGKILL')
  process.kill(b.pid, 0)
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [])
  process.kill(-b.pid, 'SIGKILL')
  await b.ended
})

test('a process that only has the same id is left alone', async () => {
  const file = join(dir, 'reused.json')
  const other = group()
  writeFileSync(file, JSON.stringify([[other.pid, '1']]))
  assert.equal(new ProcessTable(file).endOrphans(), 0)
  process.kill(other.pid, 0)
  process.kill(-other.pid, 'SIGKILL')
  await other.ended
})

test('a list that cannot be read is as good as none', () => {
  const file = join(dir, 'broken.json')
  writeFileSync(file, '{"')
  assert.equal(new ProcessTable(file).endOrphans(), 0)
})

test('the last resort ends everything at once', async () => {
  const table = new ProcessTable(join(dir, 'all.json'))
  const [a, b] = [group(), group()]
  table.add(a.pid)
  table.add(b.pid)
  table.killAll()
  assert.deepEqual(await Promise.all([a.ended, b.ended]), ['SIGKILL', 'SIGKILL'])
})
