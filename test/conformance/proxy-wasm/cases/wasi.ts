/** WASI functions, under both names of the module that they are imported from (proxy-wasm-cpp-host exports.cc). */
import type { Case, Expected } from '../case.ts'
import { BAD_IOVS, IOVS, OUT, type WasiCall } from '../modules/wasi.ts'

const P = OUT
const BEHIND = 0x7ffffff0

interface WasiCase extends WasiCall {
  readonly about: string
  /** Errno and what is written, in hex; more lines before it where the function logs. */
  readonly log: readonly Expected[]
  readonly environment?: Readonly<Record<string, string>>
}

export const WASI: readonly WasiCase[] = [
  {
    name: 'fd_write',
    about: 'stdout is logged at info, one line end stripped',
    args: [1, IOVS, 2, P],
    outs: 4,
    log: ['hello', '00 06000000'],
  },
  {
    name: 'fd_write',
    about: 'stderr is logged at error',
    args: [2, IOVS, 2, P],
    outs: 4,
    log: ['error: hello', '00 06000000'],
  },
  { name: 'fd_write', about: 'other descriptors: BADF', args: [3, IOVS, 2, P], log: ['08 '] },
  { name: 'fd_write', about: 'a bad piece: FAULT', args: [1, BAD_IOVS, 1, P], log: ['15 '] },
  { name: 'fd_write', about: 'a bad list: FAULT', args: [1, BEHIND, 4, P], log: ['15 '] },
  { name: 'fd_write', about: 'a bad result pointer: FAULT', args: [1, IOVS, 2, BEHIND], log: ['15 '] },
  { name: 'fd_read', about: 'ENOSYS', args: [0, IOVS, 1, P], log: ['34 '] },
  { name: 'fd_seek', about: 'OK', args: [1, 0n, 0, P], log: ['00 '] },
  { name: 'fd_close', about: 'OK', args: [1], log: ['00 '] },
  { name: 'fd_close', about: 'OK for any', args: [7], log: ['00 '] },
  {
    name: 'fd_fdstat_get',
    about: 'stdout may be written',
    args: [1, P],
    outs: 24,
    log: [`00 ${'00'.repeat(8)}40${'00'.repeat(15)}`],
  },
  { name: 'fd_fdstat_get', about: 'others: BADF', args: [0, P], log: ['08 '] },
  { name: 'fd_fdstat_get', about: 'a bad pointer: FAULT', args: [1, BEHIND], log: ['15 '] },
  { name: 'fd_fdstat_set_flags', about: 'ENOSYS', args: [1, 0], log: ['34 '] },
  { name: 'fd_prestat_get', about: 'BADF ends the loop over preopened folders', args: [3, P], log: ['08 '] },
  { name: 'fd_prestat_dir_name', about: 'ENOSYS', args: [3, P, 8], log: ['34 '] },
  { name: 'fd_filestat_get', about: 'BADF', args: [1, P], log: ['08 '] },
  { name: 'path_open', about: 'NOENT', args: [3, 0, 192, 5, 0, 0n, 0n, 0, P], log: ['2c '] },
  { name: 'path_filestat_get', about: 'NOTSUP', args: [3, 0, 192, 5, P], log: ['3a '] },
  { name: 'args_sizes_get', about: 'no arguments', args: [P, P + 4], outs: 8, log: ['00 0000000000000000'] },
  { name: 'args_get', about: 'no arguments', args: [P, P + 4], log: ['00 '] },
  { name: 'args_sizes_get', about: 'a bad pointer: FAULT', args: [BEHIND, P], log: ['15 '] },
  {
    name: 'environ_sizes_get',
    about: 'the configured variables',
    args: [P, P + 4],
    outs: 8,
    log: ['00 0200000010000000'],
  },
  {
    name: 'environ_get',
    about: 'the configured variables',
    args: [P, P + 16],
    outs: 32,
    log: [/^00 [0-9a-f]{16}(aa){8}(4b45593d76616c756500463d62617200|463d626172004b45593d76616c756500)$/],
  },
  { name: 'environ_sizes_get', about: 'a bad pointer: FAULT', args: [P, BEHIND], log: ['15 '] },
  { name: 'clock_time_get', about: 'real time', args: [0, 0n, P], outs: 8, log: [/^00 [0-9a-f]{14}1[789ab]$/] },
  {
    name: 'clock_time_get',
    about: 'a clock that never goes back',
    args: [1, 0n, P],
    outs: 8,
    log: [/^00 [0-9a-f]{16}$/],
  },
  { name: 'clock_time_get', about: 'other clocks: NOTSUP', args: [2, 0n, P], log: ['3a '] },
  { name: 'clock_time_get', about: 'a bad pointer: FAULT', args: [0, 0n, BEHIND], log: ['15 '] },
  { name: 'random_get', about: 'bytes', args: [P, 16], outs: 16, log: [/^00 (?!(aa){16})[0-9a-f]{32}$/] },
  { name: 'random_get', about: 'nothing', args: [P, 0], outs: 4, log: ['00 aaaaaaaa'] },
  { name: 'random_get', about: 'more than 64 KiB: INVAL', args: [P, 65537], log: ['1c '] },
  { name: 'random_get', about: 'a bad pointer: FAULT', args: [BEHIND, 32], log: ['15 '] },
  { name: 'sched_yield', about: 'OK', args: [], log: ['00 '] },
  { name: 'poll_oneoff', about: 'OK, and no events', args: [P, P + 64, 1, P + 128], log: ['00 '] },
]

export const cases: Case[] = ['wasi_snapshot_preview1', 'wasi_unstable'].flatMap((from) =>
  WASI.map(
    ({ name, about, log }, i): Case => ({
      id: `${from}-${name}-${i}`,
      source: `proxy-wasm-cpp-host exports.cc: ${name}: ${about}`,
      module: from,
      plugin: { rootId: String(i).padStart(2, '0'), vmId: 'vm-wasi', environment: { KEY: 'value', F: 'bar' } },
      log,
    }),
  ),
)
