import { getBuffer } from './host'

@external("env", "proxy_continue_stream") declare function continueStream(type: u32): u32
@external("env", "proxy_close_stream") declare function closeStream(type: u32): u32
@external("env", "proxy_get_log_level") declare function getLogLevel(out: usize): u32

export function callVersioned(name: string, a: u32[]): u32 {
  if (name == 'continue_stream') return continueStream(a[0])
  if (name == 'close_stream') return closeStream(a[0])
  if (name == 'get_log_level') return getLogLevel(a[0])
  return 0xffff
}

export function readConfiguration(p: usize, l: usize): u32 {
  return getBuffer(7, 0, 0x7fffffff, p, l)
}

export function proxy_abi_version_0_2_1(): void {}
