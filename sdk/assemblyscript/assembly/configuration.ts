import { BufferType, Status } from "./enums"
import { ABI_0_1_0 } from "./host/abi-version"
import { proxy_get_buffer_bytes, proxy_get_configuration } from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, takeResult } from "./host/memory"

/** The plugin's configuration, of `size` bytes. For the root context's `onConfigure`, which is given it. */
export function pluginConfiguration(size: u32): ArrayBuffer {
  return read(BufferType.PluginConfiguration, size)
}

/** The virtual machine's configuration. */
export function vmConfiguration(size: u32): ArrayBuffer {
  return read(BufferType.VmConfiguration, size)
}

function read(type: BufferType, size: u32): ArrayBuffer {
  if (size == 0) return new ArrayBuffer(0)
  // 0.1.0 has one function for both, which answers by the callback that runs.
  const status = ABI_0_1_0
    ? proxy_get_configuration(RESULT_DATA, RESULT_SIZE)
    : proxy_get_buffer_bytes(type, 0, size, RESULT_DATA, RESULT_SIZE)
  return status == Status.Ok ? takeResult() : new ArrayBuffer(0)
}
