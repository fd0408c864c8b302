import { randomFillSync } from 'node:crypto'
import type { Vm } from '../vm.ts'
import { writeU64 } from './guest-io.ts'
import type { HostFunction, HostFunctionTable } from './types.ts'

/** WASI preview 1 errno. */
const ERRNO = {
  success: 0,
  badf: 8,
  fault: 21,
  inval: 28,
  noent: 44,
  nosys: 52,
  notdir: 54,
  notsup: 58,
  notcapable: 76,
}

/** Larger requests are refused, as WebCrypto and cpp-host do. */
const MOST_RANDOM = 65536
const MOST_IOVECS = 1024

function write(vm: Vm, fd: number, iovecs: number, count: number, written: number): number {
  if (fd !== 1 && fd !== 2) return ERRNO.badf
  if (count > MOST_IOVECS) return ERRNO.inval
  if (!vm.holds(iovecs, count * 8) || !vm.holds(written, 4)) return ERRNO.fault
  let total = 0
  let text = ''
  for (let i = 0; i < count; i++) {
    const pointer = vm.view.getUint32(iovecs + i * 8, true)
    const length = vm.view.getUint32(iovecs + i * 8 + 4, true)
    if (!vm.holds(pointer, length)) return ERRNO.fault
    total += length
    if (total > 0xffffffff) return ERRNO.inval
    const room = vm.limits.logMessageBytes - text.length
    if (room > 0) text += vm.memory.latin1Slice(pointer, pointer + Math.min(length, room))
  }
  vm.spend(1 + (Math.min(total, vm.limits.logMessageBytes) >>> 6))
  vm.print(fd === 1 ? 2 : 4, text)
  vm.view.setUint32(written, total, true)
  return ERRNO.success
}

const answer =
  (errno: number) =>
  (vm: Vm): HostFunction =>
  () => {
    vm.spend(1)
    return errno
  }

/** Fine for standard output and error, else a bad descriptor. */
const standardOnly =
  (vm: Vm): HostFunction =>
  (fd: number) => {
    vm.spend(1)
    return fd === 1 || fd === 2 ? ERRNO.success : ERRNO.badf
  }

/** Writes `value` to the 4-byte slots at the parameters `slots`, then gives `errno`. */
const zeroing =
  (errno: number, ...slots: number[]) =>
  (vm: Vm): HostFunction =>
  (...args: number[]) => {
    vm.spend(1)
    for (const slot of slots) {
      if (!vm.holds(args[slot] >>> 0, 4)) return ERRNO.fault
      vm.view.setUint32(args[slot] >>> 0, 0, true)
    }
    return errno
  }

/** `K=V\0` one after the other, with a table of pointers. */
function environment(vm: Vm): Buffer[] {
  return Object.entries(vm.options.environment).map(([name, value]) => Buffer.from(`${name}=${value}\0`, 'utf8'))
}

/** What cpp-host provides. There is no file system, no network and no way out. */
export const wasiFunctions: HostFunctionTable = {
  args_get: answer(ERRNO.success),
  args_sizes_get: zeroing(ERRNO.success, 0, 1),
  environ_sizes_get: (vm) => (count: number, size: number) => {
    vm.spend(1)
    if (!vm.holds(count >>> 0, 4) || !vm.holds(size >>> 0, 4)) return ERRNO.fault
    const all = environment(vm)
    vm.view.setUint32(count >>> 0, all.length, true)
    vm.view.setUint32(
      size >>> 0,
      all.reduce((sum, item) => sum + item.length, 0),
      true,
    )
    return ERRNO.success
  },
  environ_get: (vm) => (pointers: number, buffer: number) => {
    vm.spend(1)
    const all = environment(vm)
    let slot = pointers >>> 0
    let at = buffer >>> 0
    for (const item of all) {
      if (!vm.holds(slot, 4) || !vm.holds(at, item.length)) return ERRNO.fault
      vm.view.setUint32(slot, at, true)
      vm.memory.set(item, at)
      slot += 4
      at += item.length
    }
    return ERRNO.success
  },
  clock_res_get: (vm) => (clock: number, slot: number) => {
    vm.spend(1)
    if (clock !== 0 && clock !== 1) return ERRNO.notsup
    if (!vm.holds(slot >>> 0, 8)) return ERRNO.fault
    writeU64(vm, slot >>> 0, 1)
    return ERRNO.success
  },
  clock_time_get: (vm) => {
    const self = (clock: number, precision: bigint, slot: number): number => {
      if (vm.special !== 0) return vm.intercept('clock_time_get', self, clock, precision, slot)
      vm.spend(1)
      if (clock !== 0 && clock !== 1) return ERRNO.notsup
      if (!vm.holds(slot >>> 0, 8)) return ERRNO.fault
      const ms = clock === 0 ? vm.services.clock.wallMs() : vm.services.clock.monotonicMs()
      writeU64(vm, slot >>> 0, Math.round(ms * 1e6))
      return ERRNO.success
    }
    return self
  },
  fd_advise: answer(ERRNO.success),
  fd_allocate: standardOnly,
  fd_close: answer(ERRNO.success),
  fd_datasync: standardOnly,
  fd_sync: standardOnly,
  fd_fdstat_get: (vm) => (fd: number, slot: number) => {
    vm.spend(1)
    if (fd !== 1 && fd !== 2) return ERRNO.badf
    if (!vm.holds(slot >>> 0, 24)) return ERRNO.fault
    vm.memory.fill(0, slot >>> 0, (slot >>> 0) + 24)
    vm.view.setUint32((slot >>> 0) + 8, 64, true) // rights: fd_write
    return ERRNO.success
  },
  fd_fdstat_set_flags: answer(ERRNO.nosys),
  fd_fdstat_set_rights: standardOnly,
  fd_filestat_get: answer(ERRNO.badf),
  fd_filestat_set_size: standardOnly,
  fd_filestat_set_times: standardOnly,
  fd_read: answer(ERRNO.nosys),
  fd_pread: answer(ERRNO.nosys),
  fd_prestat_get: answer(ERRNO.badf),
  fd_prestat_dir_name: answer(ERRNO.nosys),
  fd_readdir: zeroing(ERRNO.notdir, 4),
  fd_renumber: (vm) => (fd: number, to: number) => {
    vm.spend(1)
    return fd >= 0 && fd <= 2 && to >= 0 && to <= 2 ? ERRNO.notsup : ERRNO.badf
  },
  fd_seek: (vm) => (_fd: number, _offset: bigint, _whence: number, slot: number) => {
    vm.spend(1)
    if (!vm.holds(slot >>> 0, 8)) return ERRNO.fault
    writeU64(vm, slot >>> 0, 0)
    return ERRNO.success
  },
  fd_tell: (vm) => (_fd: number, slot: number) => {
    vm.spend(1)
    if (!vm.holds(slot >>> 0, 8)) return ERRNO.fault
    writeU64(vm, slot >>> 0, 0)
    return ERRNO.success
  },
  fd_write: (vm) => {
    const self = (fd: number, iovecs: number, count: number, written: number): number => {
      if (vm.special !== 0) return vm.intercept('fd_write', self, fd, iovecs, count, written)
      return write(vm, fd, iovecs >>> 0, count >>> 0, written >>> 0)
    }
    return self
  },
  fd_pwrite: (vm) => (fd: number, iovecs: number, count: number, _offset: bigint, written: number) =>
    write(vm, fd, iovecs >>> 0, count >>> 0, written >>> 0),
  path_open: answer(ERRNO.noent),
  path_create_directory: answer(ERRNO.notsup),
  path_filestat_get: answer(ERRNO.notsup),
  path_filestat_set_times: answer(ERRNO.notsup),
  path_link: answer(ERRNO.notsup),
  path_readlink: answer(ERRNO.notsup),
  path_remove_directory: answer(ERRNO.notsup),
  path_rename: answer(ERRNO.notsup),
  path_symlink: answer(ERRNO.notsup),
  path_unlink_file: answer(ERRNO.notsup),
  /** Go's scheduler polls from within its allocator and dies on an error. */
  poll_oneoff: (vm) => {
    const self = (input: number, output: number, count: number, events: number): number => {
      if (vm.special !== 0) return vm.intercept('poll_oneoff', self, input, output, count, events)
      vm.spend(1)
      if (!vm.holds(events >>> 0, 4)) return ERRNO.fault
      vm.view.setUint32(events >>> 0, 0, true)
      return ERRNO.success
    }
    return self
  },
  /** Returns, as in cpp-host; what the compiler put behind it then traps. */
  proc_exit: (vm) => (code: number) => {
    vm.spend(1)
    vm.logText('error', `the module called exit(${code})`)
    return 0
  },
  proc_raise: answer(ERRNO.notsup),
  random_get: (vm) => (pointer: number, length: number) => {
    const size = length >>> 0
    vm.spend(1 + (size >>> 6))
    if (size > MOST_RANDOM) return ERRNO.inval
    if (!vm.holds(pointer >>> 0, size)) return ERRNO.fault
    if (size > 0) randomFillSync(vm.memory, pointer >>> 0, size)
    return ERRNO.success
  },
  sched_yield: answer(ERRNO.success),
  sock_accept: zeroing(ERRNO.notsup, 2),
  sock_recv: zeroing(ERRNO.notsup, 4, 5),
  sock_send: zeroing(ERRNO.notsup, 4),
  sock_shutdown: answer(ERRNO.notsup),
}

export const WASI_NOT_CAPABLE: number = ERRNO.notcapable
