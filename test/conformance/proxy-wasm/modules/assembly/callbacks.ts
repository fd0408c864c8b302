// The callbacks whose types all ABI versions share.
import { configure, create, play } from './contexts'
import { log } from './host'
import { bytes } from './text'

export function proxy_on_memory_allocate(size: u32): usize {
  return heap.alloc(size)
}
export function proxy_on_context_create(id: u32, parent: u32): void {
  create(id, parent)
  play('context_create', id, parent, 0, 0, 0, 0)
}
export function proxy_on_vm_start(id: u32, size: u32): i32 {
  return 1
}
export function proxy_on_configure(id: u32, size: u32): i32 {
  configure(id)
  return play('configure', id, size, 0, 0, 0, 1)
}
export function proxy_on_tick(id: u32): void {
  play('tick', id, 0, 0, 0, 0, 0)
}
export function proxy_on_request_body(id: u32, size: u32, end: u32): i32 {
  return play('request_body', id, size, end, 0, 0, 0)
}
export function proxy_on_response_body(id: u32, size: u32, end: u32): i32 {
  return play('response_body', id, size, end, 0, 0, 0)
}
export function proxy_on_request_trailers(id: u32, n: u32): i32 {
  return play('request_trailers', id, n, 0, 0, 0, 0)
}
export function proxy_on_response_trailers(id: u32, n: u32): i32 {
  return play('response_trailers', id, n, 0, 0, 0, 0)
}
export function proxy_on_new_connection(id: u32): i32 {
  return play('new_connection', id, 0, 0, 0, 0, 0)
}
export function proxy_on_downstream_data(id: u32, size: u32, end: u32): i32 {
  return play('downstream_data', id, size, end, 0, 0, 0)
}
export function proxy_on_upstream_data(id: u32, size: u32, end: u32): i32 {
  return play('upstream_data', id, size, end, 0, 0, 0)
}
export function proxy_on_downstream_connection_close(id: u32, peer: u32): void {
  play('downstream_close', id, peer, 0, 0, 0, 0)
}
export function proxy_on_upstream_connection_close(id: u32, peer: u32): void {
  play('upstream_close', id, peer, 0, 0, 0, 0)
}
export function proxy_on_http_call_response(id: u32, token: u32, headers: u32, body: u32, trailers: u32): void {
  play('http_call_response', id, token, headers, body, trailers, 0)
}
export function proxy_on_grpc_receive_initial_metadata(id: u32, token: u32, n: u32): void {
  play('grpc_receive_initial_metadata', id, token, n, 0, 0, 0)
}
export function proxy_on_grpc_receive(id: u32, token: u32, size: u32): void {
  play('grpc_receive', id, token, size, 0, 0, 0)
}
export function proxy_on_grpc_receive_trailing_metadata(id: u32, token: u32, n: u32): void {
  play('grpc_receive_trailing_metadata', id, token, n, 0, 0, 0)
}
export function proxy_on_grpc_close(id: u32, token: u32, status: u32): void {
  play('grpc_close', id, token, status, 0, 0, 0)
}
export function proxy_on_queue_ready(id: u32, queue: u32): void {
  play('queue_ready', id, queue, 0, 0, 0, 0)
}
export function proxy_on_foreign_function(id: u32, f: u32, size: u32): void {
  play('foreign_function', id, f, size, 0, 0, 0)
}
export function proxy_on_done(id: u32): i32 {
  return play('done', id, 0, 0, 0, 0, 1)
}
export function proxy_on_log(id: u32): void {
  play('log', id, 0, 0, 0, 0, 0)
}
export function proxy_on_delete(id: u32): void {
  play('delete', id, 0, 0, 0, 0, 0)
}

// @ts-expect-error: the compiler calls it by its name
@global
function fail(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = (message == null ? 'abort' : message) + ' at line ' + line.toString()
  log(4, bytes(text), text.length)
  unreachable()
}
