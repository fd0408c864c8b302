/**
 * The least host that a module runs on: no limits, no checks, no contexts, no HTTP stream. What a flow costs on it is what the module, V8 and
 * copies between their memories cost on this machine; what it costs more on ours is what a host adds.
 */
import { WASI } from 'node:wasi'
import { encodePairs } from '../src/wasm/abi/pairs.ts'

const OK = 0
const NOT_FOUND = 1
const BAD_ARGUMENT = 2
const CONFIGURATION = 7
const RESPONSE_HEADERS = 2

/** A flow as bench/filter-flow.ts has it. */
export function rawFlow(bytes: Uint8Array, configuration: string, request: string[], response: string[]): () => void {
  const module = new WebAssembly.Module(bytes)
  let headers: [request: string[], response: string[]] = [request, response]
  let memory = Buffer.alloc(0)
  let view = new DataView(memory.buffer)
  const look = (): void => {
    if (memory.length > 0) return
    // The memory has grown, or this is the first look.
    memory = Buffer.from((exported['memory'] as WebAssembly.Memory).buffer)
    view = new DataView(memory.buffer)
  }
  const text = (at: number, size: number): string => memory.latin1Slice(at, at + size)
  const give = (source: Buffer, pointerSlot: number, sizeSlot: number): number => {
    const at = allocate(source.length)
    look()
    memory.set(source, at)
    view.setUint32(pointerSlot, at, true)
    view.setUint32(sizeSlot, source.length, true)
    return OK
  }
  const list = (type: number): string[] => headers[type === RESPONSE_HEADERS ? 1 : 0]
  const find = (type: number, name: string): number => {
    const pairs = list(type)
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return i
    return -1
  }
  const calls: Record<string, (...args: number[]) => number> = {
    proxy_log: (_, at, size) => {
      look()
      memory.utf8Slice(at, at + size)
      return OK
    },
    proxy_get_buffer_bytes: (type, _start, _max, pointerSlot, sizeSlot) =>
      type === CONFIGURATION ? give(Buffer.from(configuration), pointerSlot, sizeSlot) : NOT_FOUND,
    proxy_get_property: (at, size, pointerSlot, sizeSlot) => {
      look()
      // The C++ SDK takes no failure for it.
      if (text(at, size) !== 'plugin_root_id') return NOT_FOUND
      view.setUint32(pointerSlot, 0, true)
      view.setUint32(sizeSlot, 0, true)
      return OK
    },
    // There is no cluster, as in bench/wasm-stub.ts.
    proxy_http_call: () => BAD_ARGUMENT,
    proxy_get_header_map_pairs: (type, pointerSlot, sizeSlot) => {
      look()
      return give(encodePairs(list(type)), pointerSlot, sizeSlot)
    },
    proxy_get_header_map_value: (type, at, size, pointerSlot, sizeSlot) => {
      look()
      const found = find(type, text(at, size))
      return found < 0 ? NOT_FOUND : give(Buffer.from(list(type)[found + 1], 'latin1'), pointerSlot, sizeSlot)
    },
    proxy_add_header_map_value: (type, at, size, valueAt, valueSize) => {
      look()
      list(type).push(text(at, size), text(valueAt, valueSize))
      return OK
    },
    proxy_replace_header_map_value: (type, at, size, valueAt, valueSize) => {
      look()
      const name = text(at, size)
      const found = find(type, name)
      if (found < 0) list(type).push(name, text(valueAt, valueSize))
      else list(type)[found + 1] = text(valueAt, valueSize)
      return OK
    },
    proxy_remove_header_map_value: (type, at, size) => {
      look()
      const found = find(type, text(at, size))
      if (found >= 0) list(type).splice(found, 2)
      return OK
    },
  }
  const wasi = new WASI({ version: 'preview1' })
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {}
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== 'function') throw new Error(`the raw host has no ${kind} ${from}.${name}`)
    imports[from] ??= {}
    imports[from][name] = calls[name] ?? wasi.wasiImport[name] ?? (() => OK)
  }
  const instance = new WebAssembly.Instance(module, imports)
  const exported: WebAssembly.Exports = instance.exports
  const callback = (name: string): ((...args: number[]) => number) =>
    (exported[name] ?? (() => OK)) as (...args: number[]) => number
  const allocate = callback('proxy_on_memory_allocate' in exported ? 'proxy_on_memory_allocate' : 'malloc')
  const [create, onRequest, onResponse, log, done, remove] = [
    'proxy_on_context_create',
    'proxy_on_request_headers',
    'proxy_on_response_headers',
    'proxy_on_log',
    'proxy_on_done',
    'proxy_on_delete',
  ].map(callback)
  if ('_start' in exported) wasi.start(instance)
  else wasi.initialize(instance)
  look()
  create(1, 0)
  callback('proxy_on_vm_start')(1, 0)
  callback('proxy_on_configure')(1, configuration.length)
  let id = 1
  return () => {
    id++
    headers = [request.slice(), response.slice()]
    create(id, 1)
    onRequest(id, headers[0].length >> 1, 1)
    onResponse(id, headers[1].length >> 1, 1)
    log(id)
    done(id)
    remove(id)
  }
}
