import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { LogOptions } from '../apiserver/pod/runtime.ts'
import { ContainerLog, readLog } from './kubelet/container-log.ts'
import { sendLog } from './log-reader.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-log-'))
after(() => rmSync(dir, { recursive: true }))
let count = 0
const newLog = () => new ContainerLog(join(dir, `${count++}`, '0.log'))

const OPTIONS: LogOptions = {
  container: '',
  follow: false,
  previous: false,
  timestamps: false,
  tailLines: undefined,
  sinceSeconds: undefined,
  sinceTime: undefined,
  limitBytes: undefined,
  signal: new AbortController().signal,
}

async function read(log: ContainerLog, options: Partial<LogOptions> = {}): Promise<string> {
  let text = ''
  await sendLog(log.path, undefined, { ...OPTIONS, ...options }, (piece) => {
    text += piece
  })
  return text
}

describe('a container’s log', () => {
  test('keeps lines of both streams, also when they come in pieces, and a last one without an end', async () => {
    const log = newLog()
    log.write('stdout', Buffer.from('one\ntw'))
    log.write('stderr', Buffer.from('error\n'))
    log.write('stdout', Buffer.from('o\n\nlast'))
    assert.equal(await read(log), 'one\nerror\ntwo\n\n')
    log.end()
    assert.equal(await read(log), 'one\nerror\ntwo\n\nlast\n')
    assert.match(readFileSync(log.path, 'utf8'), /^\d{4}-\d\d-\d\dT[\d:.]+Z stdout F one\n/)
  })

  test('puts characters together that come in pieces', async () => {
    const log = newLog()
    const bytes = Buffer.from('naïve ☃\n')
    for (const byte of bytes) log.write('stdout', Buffer.of(byte))
    assert.equal(await read(log), 'naïve ☃\n')
  })

  test('cuts a line that never ends, and reads it as one', async () => {
    const log = newLog()
    const long = 'x'.repeat(40_000)
    log.write('stdout', Buffer.from(`${long}\nend\n`.slice(0, 20_000)))
    log.write('stdout', Buffer.from(`${long}\nend\n`.slice(20_000)))
    assert.equal(readLog(log.path).length, 3)
    assert.equal(await read(log), `${long}\nend\n`)
    assert.equal(await read(log, { tailLines: 2 }), `${long}\nend\n`)
    assert.equal(await read(log, { tailLines: 1 }), 'end\n')
  })

  test('turns over to a new file and keeps one old one', async () => {
    const log = newLog()
    const line = `${'y'.repeat(1023)}\n`
    for (let i = 0; i < 25; i++) log.write('stdout', Buffer.from(line.repeat(1000)))
    assert.ok(existsSync(`${log.path}.1`))
    const kept = readLog(log.path).length
    assert.ok(kept >= 10_000 && kept < 25_000, String(kept))
    log.end()
  })

  test('reads what the options ask for', async () => {
    const log = newLog()
    for (let i = 0; i < 5; i++) log.write('stdout', Buffer.from(`${i}\n`))
    for (const [options, expected] of [
      [{ tailLines: 2 }, '3\n4\n'],
      [{ tailLines: 0 }, ''],
      [{ tailLines: 99 }, '0\n1\n2\n3\n4\n'],
      [{ limitBytes: 3 }, '0\n1'],
      [{ sinceSeconds: 3600 }, '0\n1\n2\n3\n4\n'],
      [{ sinceTime: '2999-01-01T00:00:00Z' }, ''],
      [{ sinceTime: '2001-01-01T00:00:00+02:00', tailLines: 1 }, '4\n'],
    ] as const) {
      assert.equal(await read(log, options), expected, JSON.stringify(options))
    }
    assert.match(await read(log, { timestamps: true, tailLines: 1 }), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 4\n$/)
  })

  test('of a run without a log there is nothing', async () => {
    writeFileSync(join(dir, 'unrelated'), '')
    let text = ''
    await sendLog(join(dir, 'none.log'), undefined, OPTIONS, (piece) => {
      text += piece
    })
    assert.equal(text, '')
  })

  test('is followed without a gap, until it ends', async () => {
    const log = newLog()
    log.write('stdout', Buffer.from('before\n'))
    let text = ''
    const done = sendLog(log.path, log, { ...OPTIONS, follow: true }, (piece) => {
      text += piece
    })
    log.write('stdout', Buffer.from('after\n'))
    await null
    log.write('stderr', Buffer.from('more\nrest'))
    log.end()
    await done
    assert.equal(text, 'before\nafter\nmore\nrest\n')
  })

  test('is followed until nobody reads on, or enough was read', async () => {
    const log = newLog()
    const gone = new AbortController()
    const first = sendLog(log.path, log, { ...OPTIONS, follow: true, signal: gone.signal }, () => {})
    gone.abort()
    await first
    let text = ''
    const second = sendLog(log.path, log, { ...OPTIONS, follow: true, limitBytes: 4 }, (piece) => {
      text += piece
    })
    log.write('stdout', Buffer.from('abcdef\n'))
    await second
    assert.equal(text, 'abcd')
    log.end()
  })
})
