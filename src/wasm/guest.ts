import type { CallbackName } from './abi/signatures.ts'

/** A callback; undefined where the module does not export it. What has no result gives undefined, which nobody looks at. */
export type GuestFunction = ((...args: number[]) => number) | undefined

/**
 * The callbacks that a module has and may be called with. They are fields, because an object that is filled by name becomes a dictionary
 * after a dozen, as the C++ SDK's modules have twice, and every look into a dictionary is a call out of optimized code.
 */
export class GuestFunctions implements Record<CallbackName, GuestFunction> {
  proxy_on_vm_start: GuestFunction = undefined
  proxy_validate_configuration: GuestFunction = undefined
  proxy_on_configure: GuestFunction = undefined
  proxy_on_tick: GuestFunction = undefined
  proxy_on_context_create: GuestFunction = undefined
  proxy_on_done: GuestFunction = undefined
  proxy_on_log: GuestFunction = undefined
  proxy_on_delete: GuestFunction = undefined
  proxy_on_new_connection: GuestFunction = undefined
  proxy_on_downstream_data: GuestFunction = undefined
  proxy_on_upstream_data: GuestFunction = undefined
  proxy_on_downstream_connection_close: GuestFunction = undefined
  proxy_on_upstream_connection_close: GuestFunction = undefined
  proxy_on_request_headers: GuestFunction = undefined
  proxy_on_request_body: GuestFunction = undefined
  proxy_on_request_trailers: GuestFunction = undefined
  proxy_on_request_metadata: GuestFunction = undefined
  proxy_on_response_headers: GuestFunction = undefined
  proxy_on_response_body: GuestFunction = undefined
  proxy_on_response_trailers: GuestFunction = undefined
  proxy_on_response_metadata: GuestFunction = undefined
  proxy_on_http_call_response: GuestFunction = undefined
  proxy_on_grpc_receive_initial_metadata: GuestFunction = undefined
  proxy_on_grpc_receive: GuestFunction = undefined
  proxy_on_grpc_receive_trailing_metadata: GuestFunction = undefined
  proxy_on_grpc_close: GuestFunction = undefined
  proxy_on_queue_ready: GuestFunction = undefined
  proxy_on_foreign_function: GuestFunction = undefined
  envoy_on_resolve_dns: GuestFunction = undefined
}
