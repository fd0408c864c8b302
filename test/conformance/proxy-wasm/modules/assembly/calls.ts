// One call of a host function by its name: the arguments are words in the order of the ABI.
import * as h from './host'
import { callVersioned } from './version'

export const UNKNOWN: u32 = 0xffff

export function call(name: string, a: u32[], wide: i64): u32 {
  const n = name
  if (n == 'log') return h.log(a[0], a[1], a[2])
  if (n == 'set_effective_context') return h.setEffectiveContext(a[0])
  if (n == 'done') return h.done()
  if (n == 'get_current_time_nanoseconds') return h.getTime(a[0])
  if (n == 'set_tick_period_milliseconds') return h.setTick(a[0])
  if (n == 'get_buffer_bytes') return h.getBuffer(a[0], a[1], a[2], a[3], a[4])
  if (n == 'set_buffer_bytes') return h.setBuffer(a[0], a[1], a[2], a[3], a[4])
  if (n == 'get_buffer_status') return h.getBufferStatus(a[0], a[1], a[2])
  if (n == 'get_header_map_size') return h.getMapSize(a[0], a[1])
  if (n == 'get_header_map_pairs') return h.getPairs(a[0], a[1], a[2])
  if (n == 'set_header_map_pairs') return h.setPairs(a[0], a[1], a[2])
  if (n == 'get_header_map_value') return h.getValue(a[0], a[1], a[2], a[3], a[4])
  if (n == 'add_header_map_value') return h.addValue(a[0], a[1], a[2], a[3], a[4])
  if (n == 'replace_header_map_value') return h.replaceValue(a[0], a[1], a[2], a[3], a[4])
  if (n == 'remove_header_map_value') return h.removeValue(a[0], a[1], a[2])
  if (n == 'send_local_response') return h.localResponse(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
  if (n == 'get_status') return h.getStatus(a[0], a[1], a[2])
  if (n == 'http_call') return h.httpCall(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9])
  if (n == 'grpc_call') return h.grpcCall(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11])
  if (n == 'grpc_stream') return h.grpcStream(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
  if (n == 'grpc_send') return h.grpcSend(a[0], a[1], a[2], a[3])
  if (n == 'grpc_cancel') return h.grpcCancel(a[0])
  if (n == 'grpc_close') return h.grpcClose(a[0])
  if (n == 'get_shared_data') return h.getShared(a[0], a[1], a[2], a[3], a[4])
  if (n == 'set_shared_data') return h.setShared(a[0], a[1], a[2], a[3], a[4])
  if (n == 'register_shared_queue') return h.registerQueue(a[0], a[1], a[2])
  if (n == 'resolve_shared_queue') return h.resolveQueue(a[0], a[1], a[2], a[3], a[4])
  if (n == 'enqueue_shared_queue') return h.enqueue(a[0], a[1], a[2])
  if (n == 'dequeue_shared_queue') return h.dequeue(a[0], a[1], a[2])
  if (n == 'define_metric') return h.defineMetric(a[0], a[1], a[2], a[3])
  if (n == 'increment_metric') return h.incrementMetric(a[0], wide)
  if (n == 'record_metric') return h.recordMetric(a[0], wide)
  if (n == 'get_metric') return h.getMetric(a[0], a[1])
  if (n == 'get_property') return h.getProperty(a[0], a[1], a[2], a[3])
  if (n == 'set_property') return h.setProperty(a[0], a[1], a[2], a[3])
  if (n == 'call_foreign_function') return h.callForeign(a[0], a[1], a[2], a[3], a[4], a[5])
  return callVersioned(n, a)
}
