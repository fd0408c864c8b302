import { MAP_NAMES } from './abi/constants.ts'
import { decodePairs } from './abi/pairs.ts'
import type { Vm } from './vm.ts'

/** Receives host calls and callbacks while tracing is on. */
export interface TraceSink {
  hostCall(vm: Vm, name: string, args: readonly unknown[], result: number): void
  callback(vm: Vm, name: string, args: readonly number[], result: number): void
}

/** How the arguments of a host function are to be read; `s` string, `p` pairs, `b` bytes
 * (each a pointer and a size), `m` map, `n` number; `>` and `}` are where a string and where pairs come back. */
const SHAPES: Readonly<Record<string, string>> = {
  proxy_log: 'ns',
  proxy_get_header_map_value: 'ms>',
  proxy_add_header_map_value: 'mss',
  proxy_replace_header_map_value: 'mss',
  proxy_remove_header_map_value: 'ms',
  proxy_get_header_map_pairs: 'm}',
  proxy_set_header_map_pairs: 'mp',
  proxy_get_buffer_bytes: 'nnn>',
  proxy_set_buffer_bytes: 'nnnb',
  proxy_send_local_response: 'nsbpn',
  proxy_http_call: 'spbpn',
  proxy_grpc_call: 'bsspbn',
  proxy_grpc_stream: 'bssp',
  proxy_grpc_send: 'nbn',
  proxy_get_shared_data: 's>',
  proxy_set_shared_data: 'sbn',
  proxy_register_shared_queue: 's',
  proxy_resolve_shared_queue: 'ss',
  proxy_enqueue_shared_queue: 'nb',
  proxy_dequeue_shared_queue: 'n>',
  proxy_define_metric: 'ns',
  proxy_get_property: 's>',
  proxy_set_property: 'sb',
  proxy_call_foreign_function: 'sb>',
  envoy_resolve_dns: 's',
}

/** A host call in words: `proxy_get_header_map_value(request headers, "x-a") -> 0 "value"`. */
export function decodeCall(vm: Vm, name: string, args: readonly unknown[], result: number): string {
  const shape = SHAPES[name]
  if (shape === undefined) return `${name}(${args.join(', ')}) -> ${result}`
  const parts: string[] = []
  let outcome = ''
  let at = 0
  const next = () => Number(args[at++]) >>> 0
  for (const code of shape) {
    if (code === 'n') parts.push(String(args[at++]))
    else if (code === 'm') parts.push(MAP_NAMES[next()] ?? `map ${String(args[at - 1])}`)
    else if (code === '>' || code === '}') {
      const [pointerSlot, sizeSlot] = [next(), next()]
      if (result === 0 && vm.holds(pointerSlot, 4) && vm.holds(sizeSlot, 4)) {
        const pointer = vm.view.getUint32(pointerSlot, true)
        outcome = ` ${show(vm, code === '}' ? 'p' : 's', pointer, vm.view.getUint32(sizeSlot, true))}`
      }
    } else parts.push(show(vm, code, next(), next()))
  }
  return `${name}(${parts.join(', ')}) -> ${result}${outcome}`
}

const LONGEST = 256

function show(vm: Vm, code: string, pointer: number, size: number): string {
  if (!vm.holds(pointer, size)) return `<${pointer}+${size} outside of memory>`
  if (code === 'p') return JSON.stringify(decodePairs(vm.memory, pointer, size))
  const text = JSON.stringify(vm.memory.utf8Slice(pointer, pointer + Math.min(size, LONGEST)))
  return size > LONGEST ? `${text} and ${size - LONGEST} bytes more` : text
}
