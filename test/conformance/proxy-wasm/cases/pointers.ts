/** Every pointer of every host function, out of range: INVALID_MEMORY_ACCESS (6) and nothing else happens. */
import type { Case } from '../case.ts'

const SPEC = 'proxy-wasm/spec abi-versions: INVALID_MEMORY_ACCESS when a pointer is outside of the memory'

/** Valid calls; each pointer in them is spoilt in turn. */
const CALLS: readonly { call: string; abi?: '0.1.0'; where?: string }[] = [
  { call: 'log 2 "x"' },
  { call: 'get_log_level >u' },
  { call: 'get_current_time_nanoseconds >q' },
  { call: 'get_buffer_bytes 7 0 10 >s', where: 'configure' },
  { call: 'set_buffer_bytes 0 0 0 "x"', where: 'request_body#1' },
  { call: 'get_buffer_status 0 >u >u', where: 'request_body#1' },
  { call: 'get_header_map_size 0 >u' },
  { call: 'get_header_map_pairs 0 >m' },
  { call: 'set_header_map_pairs 2 m":status=200"', where: 'response_headers' },
  { call: 'get_header_map_value 0 ":path" >s' },
  { call: 'add_header_map_value 0 "x-a" "1"' },
  { call: 'replace_header_map_value 0 "x-a" "1"' },
  { call: 'remove_header_map_value 0 "x-a"' },
  { call: 'send_local_response 200 "d" "b" m"a=b" -1' },
  { call: 'get_status >u >s' },
  { call: 'http_call "upstream" m":method=GET;:path=/;:authority=a" "b" m"t=1" 100 >u' },
  { call: 'grpc_call "grpc" "s" "Echo" m"a=b" "m" 100 >u' },
  { call: 'grpc_stream "grpc" "s" "Echo" m"a=b" >u' },
  { call: 'get_shared_data "pointers-set" >s >u' },
  { call: 'set_shared_data "pointers" "v" 0' },
  { call: 'register_shared_queue "pointers" >u' },
  { call: 'resolve_shared_queue "" "pointers-registered" >u' },
  { call: 'enqueue_shared_queue $queue "x"' },
  { call: 'dequeue_shared_queue $queue >s' },
  { call: 'define_metric 0 "pointers" >u' },
  { call: 'get_metric $metric >q' },
  { call: 'get_property "plugin_name" >s' },
  { call: 'set_property "k" "v"' },
  { call: 'call_foreign_function "compress" "x" >s' },
  { call: 'get_configuration >s', abi: '0.1.0', where: 'configure' },
]

const TOKEN = /m"[^"]*"|"[^"]*"|\S+/g

/** What the calls find: a stored value, a queue with an element, a metric. */
const SETUP = `~set_shared_data "pointers-set" "v" 0
~register_shared_queue "pointers-registered" >u=queue
~enqueue_shared_queue $queue "x"
~define_metric 0 "pointers-m" >u=metric`

export const cases: Case[] = CALLS.flatMap(({ call, abi, where = 'request_headers' }) => {
  const tokens = call.match(TOKEN) ?? []
  const [name] = tokens
  return tokens.flatMap((token, i) => {
    if (i === 0) return []
    return spoilt(token).map(([what, replacement]): Case => {
      const spoiltCall = [...tokens.slice(0, i), replacement, ...tokens.slice(i + 1)].join(' ')
      const config = `[${where}]\n${where === 'configure' ? '' : SETUP}\n${spoiltCall}`
      const line = [`${name} 6`]
      return {
        id: `pointer-${name}-${i}${what}`,
        source: SPEC,
        module: `probe-${abi ?? '0.2.1'}`,
        config,
        exchanges: [{ request: { method: 'POST', body: 'body' } }],
        ...(where === 'configure' ? { startLog: line } : { log: line }),
      }
    })
  })
})

/** Ways to spoil an argument: a range that ends behind the memory, one that wraps around, an out pointer at the very end. */
function spoilt(token: string): [string, string][] {
  if (/^m?"/.test(token)) {
    return [
      ['-behind', '0x7ffffff0 32'],
      ['-wraps', '0xfffffff0 0x20'],
    ]
  }
  if (/^>[sm]/.test(token)) {
    return [
      ['-pointer', '0xfffffffc >u'],
      ['-size', '>u 0xfffffffe'],
    ]
  }
  return token.startsWith('>') ? [['', '0xfffffffd']] : []
}
