import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { locked } from './lock.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
after(() => rmSync(dir, { recursive: true }))

test('work under one path never overlaps', async () => {
  let inside = 0
  let most = 0
  const work = async () => {
    inside++
    most = Math.max(most, inside)
    await sleep(5)
    inside--
  }
  await Promise.all([1, 2, 3, 4].map(() => locked(join(dir, 'a'), work)))
  assert.equal(most, 1)
})

test('work under other paths does not wait', async () => {
  const result = await locked(join(dir, 'b'), () => locked(join(dir, 'c'), () => 'both'))
  assert.equal(result, 'both')
})

test('a failure lets the next one in', async () => {
  await assert.rejects(
    locked(join(dir, 'd'), () => {
      throw new Error('no')
    }),
    /no/,
  )
  assert.equal(await locked(join(dir, 'd'), () => 1), 1)
})

test('the lock of a process that is gone is taken over', async () => {
  mkdirSync(join(dir, 'e.lock'))
  writeFileSync(join(dir, 'e.lock/pid'), '999999999')
  assert.equal(await locked(join(dir, 'e'), () => 1), 1)
})
