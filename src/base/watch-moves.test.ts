import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchMoves } from './watch-moves.ts'

describe('watchMoves', () => {
  let dir: string
  let count: number
  let watcher: { close(): void }

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-moves-'))
    writeFileSync(join(dir, 'a'), '1')
    count = 0
  })

  afterEach(() => {
    watcher.close()
    rmSync(dir, { recursive: true })
  })

  const watch = (name?: string) => {
    watcher = watchMoves(dir, name, () => count++)
  }
  const told = async (times: number) => {
    for (let i = 0; i < 500 && count < times; i++) await sleep(10)
    // What comes too often comes soon.
    await sleep(150)
    assert.equal(count, times)
  }
  const move = (name: string, content = '2') => {
    writeFileSync(join(dir, `${name}.new`), content)
    renameSync(join(dir, `${name}.new`), join(dir, name))
  }

  test('a move to the name is told of, and again', async () => {
    watch('a')
    move('a')
    await told(1)
    move('a')
    await told(2)
  })

  test('what is written in place or taken away is not', async () => {
    watch('a')
    writeFileSync(join(dir, 'a'), '3')
    await told(0)
    rmSync(join(dir, 'a'))
    await told(0)
  })

  test('other names are not, unless all are asked for; moves in a row are one', async () => {
    watch('a')
    move('b')
    await told(0)
    watcher.close()
    watch()
    move('b')
    move('a')
    await told(1)
  })

  test('a move is told of in a directory that never rests', async () => {
    watch()
    let running = true
    const writing = (async () => {
      for (let i = 0; running; i++) {
        writeFileSync(join(dir, 'log'), String(i))
        if (i % 3 === 0) move('b')
        await sleep(5)
      }
    })()
    for (let i = 0; i < 1000 && count < 2; i++) await sleep(10)
    running = false
    await writing
    assert.ok(count >= 2)
  })

  test('links of a Kubernetes volume', async () => {
    mkdirSync(join(dir, '..1'))
    mkdirSync(join(dir, '..2'))
    symlinkSync('..1', join(dir, '..data'))
    watch()
    symlinkSync('..2', join(dir, '..data_tmp'))
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
    rmSync(join(dir, '..1'), { recursive: true })
    await told(1)
  })

  test('a file that is written for long where it stands is told of again at its end', async () => {
    let seen = 0
    watcher = watchMoves(dir, undefined, () => {
      seen = readFileSync(join(dir, 'b')).length
    })
    for (let i = 0; i < 120; i++) {
      appendFileSync(join(dir, 'b'), 'b')
      // Also by somebody who stops for longer than the quiet.
      await sleep(i === 60 ? 150 : 10)
    }
    for (let i = 0; i < 500 && seen < 120; i++) await sleep(10)
    assert.equal(seen, 120)
  })

  for (const name of [undefined, 'a'])
    test(`a directory that is made again is watched again: ${name ?? 'all names'}`, async () => {
      watch(name)
      rmSync(dir, { recursive: true })
      await told(0)
      mkdirSync(dir)
      await told(1)
      move('a')
      await told(2)
    })

  test('a directory that another takes the place of', async () => {
    watch('a')
    const next = `${dir}.new`
    mkdirSync(next)
    renameSync(dir, `${dir}.old`)
    renameSync(next, dir)
    rmSync(`${dir}.old`, { recursive: true })
    await told(1)
    move('a')
    await told(2)
  })

  test('a link that leads elsewhere before its directory goes, as ..data of a Kubernetes volume', async () => {
    mkdirSync(join(dir, '..1'))
    mkdirSync(join(dir, '..2'))
    symlinkSync('..1', join(dir, '..data'))
    watcher = watchMoves(join(dir, '..data'), undefined, () => count++)
    symlinkSync('..2', join(dir, '..data_tmp'))
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
    rmSync(join(dir, '..1'), { recursive: true })
    await told(1)
    move('..data/a')
    await told(2)
  })

  test('links that lead round in a circle end nothing', async () => {
    watch()
    rmSync(dir, { recursive: true })
    symlinkSync(dir, dir)
    // Whoever reads it says what is wrong.
    await told(1)
    rmSync(dir)
    mkdirSync(dir)
    await told(2)
  })

  test('a directory that is not there is an error', () => {
    watch()
    assert.throws(() => watchMoves(join(dir, 'none'), undefined, () => {}), /ENOENT/)
  })
})
