import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTestHost } from '../index.ts'
import { guest } from '../testing/wat-guest.ts'

/** Runs in `_initialize`, where WASI is allowed; gives statuses and what was written. */
function run(code: string): string[] {
  const host = createTestHost()
  host.start(guest(`(func (export "_initialize") ${code})`))
  return host.logText
}

const i = (value: number) => `(i32.const ${value})`
const call = (name: string, ...args: (number | bigint)[]) =>
  `(call $status (call $${name} ${args.map((arg) => (typeof arg === 'bigint' ? `(i64.const ${arg})` : i(arg))).join(' ')}))`

const SLOT = 64
const iovecs = (texts: string[]) =>
  texts
    .map(
      (text, n) =>
        `(i32.store ${i(512 + n * 8)} ${i(600 + n * 50)}) (i32.store ${i(516 + n * 8)} ${i(text.replaceAll('\\0a', ' ').length)}) (memory.copy ${i(600 + n * 50)} (s "${text}"))`,
    )
    .join('')

describe('WASI preview 1', () => {
  /** Functions without side effect: arguments and errno, as in cpp-host. */
  const ERRNO: [string, (number | bigint)[], number][] = [
    ['args_sizes_get', [SLOT, SLOT + 4], 0],
    ['args_get', [SLOT, SLOT], 0],
    ['args_sizes_get', [-4, SLOT], 21],
    ['clock_res_get', [0, SLOT], 0],
    ['clock_res_get', [7, SLOT], 58],
    ['clock_time_get', [1, 0n, SLOT], 0],
    ['clock_time_get', [2, 0n, SLOT], 58],
    ['clock_time_get', [0, 0n, 131070], 21],
    ['fd_advise', [9, 0n, 0n, 0], 0],
    ['fd_allocate', [1, 0n, 0n], 0],
    ['fd_allocate', [3, 0n, 0n], 8],
    ['fd_close', [5], 0],
    ['fd_datasync', [4], 8],
    ['fd_sync', [2], 0],
    ['fd_fdstat_get', [1, SLOT], 0],
    ['fd_fdstat_get', [0, SLOT], 8],
    ['fd_fdstat_get', [1, 131060], 21],
    ['fd_fdstat_set_flags', [1, 0], 52],
    ['fd_filestat_get', [1, SLOT], 8],
    ['fd_prestat_get', [3, SLOT], 8],
    ['fd_prestat_dir_name', [3, SLOT, 1], 52],
    ['fd_read', [0, SLOT, 0, SLOT], 52],
    ['fd_pread', [0, SLOT, 0, 0n, SLOT], 52],
    ['fd_readdir', [3, SLOT, 0, 0n, SLOT], 54],
    ['fd_seek', [1, 0n, 0, SLOT], 0],
    ['fd_tell', [1, SLOT], 0],
    ['fd_renumber', [1, 2], 58],
    ['fd_renumber', [1, 9], 8],
    ['path_open', [3, 0, SLOT, 1, 0, 0n, 0n, 0, SLOT], 44],
    ['path_unlink_file', [3, SLOT, 1], 58],
    ['path_filestat_get', [3, 0, SLOT, 1, SLOT], 58],
    ['poll_oneoff', [SLOT, SLOT, 1, SLOT], 0],
    ['sched_yield', [], 0],
    ['sock_shutdown', [3, 0], 58],
    ['sock_recv', [3, SLOT, 1, 0, SLOT, SLOT], 58],
    ['random_get', [1024, 100], 0],
    ['random_get', [1024, 0], 0],
    ['random_get', [1024, 65537], 28],
    ['random_get', [131000, 100], 21],
    ['environ_sizes_get', [SLOT, -1], 21],
    ['fd_write', [0, SLOT, 0, SLOT], 8],
    ['fd_write', [1, 131070, 1, SLOT], 21],
    ['fd_write', [1, SLOT, 100000, SLOT], 28],
  ]
  for (const [name, args, errno] of ERRNO) {
    it(`${name}(${args.join(', ')}) is ${errno}`, () => {
      assert.deepEqual(run(call(name, ...args)), [`info: status ${String(errno).padStart(2, '0')}`])
    })
  }

  it('writes standard output at info and error at error, line by line', () => {
    const write = (fd: number, ...texts: string[]) =>
      `${iovecs(texts)}(drop (call $fd_write ${i(fd)} ${i(512)} ${i(texts.length)} $slot0))`
    assert.deepEqual(run(write(1, 'one ', 'line\\0a')), ['info: one line'])
    assert.deepEqual(run(write(2, 'a') + write(2, 'b') + write(2, 'c\\0ad\\0a')), ['error: abc\nd'])
    assert.deepEqual(run(write(2, 'half')), ['error: half'])
    assert.deepEqual(run(write(1, 'out') + write(2, 'err\\0a')), ['info: out', 'error: err'])
  })

  it('tells how much was written', () => {
    assert.deepEqual(
      run(
        `${iovecs(['abc', 'de'])} (drop (call $fd_write ${i(2)} ${i(512)} ${i(2)} $slot0)) (call $status (i32.load $slot0))`,
      ),
      ['info: status 05', 'error: abcde'],
    )
  })

  it('returns from exit with an error in the log (cpp-host)', () => {
    assert.deepEqual(run(`(call $proc_exit ${i(3)}) ${call('sched_yield')}`), [
      'error: the module called exit(3)',
      'info: status 00',
    ])
  })
})
