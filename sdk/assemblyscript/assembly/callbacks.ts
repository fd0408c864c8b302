/** What the host calls, named as in ABI 0.2.1. Each passes on to a context and then lets the garbage be seen to. */
import { pluginConfiguration, vmConfiguration } from "./configuration"
import { allocate, endCallback } from "./host/memory"
import { anyContext, contextOf, createContext, deleteContext, deliverCall, rootOf } from "./registry"

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size)
}

export function proxy_on_context_create(id: u32, parent: u32): void {
  createContext(id, parent)
  endCallback()
}

export function proxy_on_vm_start(id: u32, size: u32): u32 {
  const result = rootOf(id).onVmStart(vmConfiguration(size))
  endCallback()
  return u32(result)
}

export function proxy_on_configure(id: u32, size: u32): u32 {
  const result = rootOf(id).onConfigure(pluginConfiguration(size))
  endCallback()
  return u32(result)
}

export function proxy_on_tick(id: u32): void {
  rootOf(id).onTick()
  endCallback()
}

export function proxy_on_queue_ready(id: u32, queue: u32): void {
  rootOf(id).onQueueReady(queue)
  endCallback()
}

export function proxy_on_foreign_function(id: u32, functionId: u32, size: u32): void {
  rootOf(id).onForeignFunction(functionId, size)
  endCallback()
}

export function proxy_on_request_headers(id: u32, count: u32, endOfStream: u32): u32 {
  const action = contextOf(id).onRequestHeaders(count, endOfStream != 0)
  endCallback()
  return action
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  const action = contextOf(id).onRequestBody(size, endOfStream != 0)
  endCallback()
  return action
}

export function proxy_on_request_trailers(id: u32, count: u32): u32 {
  const action = contextOf(id).onRequestTrailers(count)
  endCallback()
  return action
}

export function proxy_on_response_headers(id: u32, count: u32, endOfStream: u32): u32 {
  const action = contextOf(id).onResponseHeaders(count, endOfStream != 0)
  endCallback()
  return action
}

export function proxy_on_response_body(id: u32, size: u32, endOfStream: u32): u32 {
  const action = contextOf(id).onResponseBody(size, endOfStream != 0)
  endCallback()
  return action
}

export function proxy_on_response_trailers(id: u32, count: u32): u32 {
  const action = contextOf(id).onResponseTrailers(count)
  endCallback()
  return action
}

export function proxy_on_http_call_response(id: u32, token: u32, headers: u32, bodySize: u32, trailers: u32): void {
  deliverCall(token, headers, bodySize, trailers)
  endCallback()
}

export function proxy_on_done(id: u32): u32 {
  const result = anyContext(id).onDone()
  endCallback()
  return u32(result)
}

export function proxy_on_log(id: u32): void {
  anyContext(id).onLog()
  endCallback()
}

export function proxy_on_delete(id: u32): void {
  deleteContext(id)
  endCallback()
}
