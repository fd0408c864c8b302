import type { Signature } from '../binary/sections.ts'
import type { AbiVersion } from './constants.ts'

/** Host functions of module `env` (facts: spec 0.1.0, 0.2.0, 0.2.1 and what cpp-host registers beside them). */
export const HOST_FUNCTIONS: Readonly<Record<string, Signature>> = {
  proxy_log: 'iii>i',
  proxy_get_log_level: 'i>i',
  proxy_set_effective_context: 'i>i',
  proxy_done: '>i',
  proxy_get_current_time_nanoseconds: 'i>i',
  proxy_set_tick_period_milliseconds: 'i>i',
  proxy_get_configuration: 'ii>i',
  proxy_get_buffer_bytes: 'iiiii>i',
  proxy_set_buffer_bytes: 'iiiii>i',
  proxy_get_buffer_status: 'iii>i',
  proxy_get_header_map_size: 'ii>i',
  proxy_get_header_map_pairs: 'iii>i',
  proxy_set_header_map_pairs: 'iii>i',
  proxy_get_header_map_value: 'iiiii>i',
  proxy_add_header_map_value: 'iiiii>i',
  proxy_replace_header_map_value: 'iiiii>i',
  proxy_remove_header_map_value: 'iii>i',
  proxy_continue_stream: 'i>i',
  proxy_close_stream: 'i>i',
  proxy_continue_request: '>i',
  proxy_continue_response: '>i',
  proxy_clear_route_cache: '>i',
  proxy_send_local_response: 'iiiiiiii>i',
  proxy_get_status: 'iii>i',
  proxy_http_call: 'iiiiiiiiii>i',
  proxy_grpc_call: 'iiiiiiiiiiii>i',
  proxy_grpc_stream: 'iiiiiiiii>i',
  proxy_grpc_send: 'iiii>i',
  proxy_grpc_cancel: 'i>i',
  proxy_grpc_close: 'i>i',
  proxy_get_shared_data: 'iiiii>i',
  proxy_set_shared_data: 'iiiii>i',
  proxy_register_shared_queue: 'iii>i',
  proxy_resolve_shared_queue: 'iiiii>i',
  proxy_enqueue_shared_queue: 'iii>i',
  proxy_dequeue_shared_queue: 'iii>i',
  proxy_define_metric: 'iiii>i',
  proxy_increment_metric: 'iI>i',
  proxy_record_metric: 'iI>i',
  proxy_get_metric: 'ii>i',
  proxy_get_property: 'iiii>i',
  proxy_set_property: 'iiii>i',
  proxy_call_foreign_function: 'iiiiii>i',
  envoy_resolve_dns: 'iii>i',
  emscripten_notify_memory_growth: 'i>',
  pthread_equal: 'ii>i',
}

/** Printed without a result in the 0.1.0 document and with one in SDKs; both kinds of module exist. */
const RESULT_OPTIONAL = new Set(['proxy_continue_request', 'proxy_continue_response', 'proxy_clear_route_cache'])

/** WASI preview 1, under `wasi_snapshot_preview1` and `wasi_unstable`. */
export const WASI_FUNCTIONS: Readonly<Record<string, Signature>> = {
  args_get: 'ii>i',
  args_sizes_get: 'ii>i',
  environ_get: 'ii>i',
  environ_sizes_get: 'ii>i',
  clock_res_get: 'ii>i',
  clock_time_get: 'iIi>i',
  fd_advise: 'iIIi>i',
  fd_allocate: 'iII>i',
  fd_close: 'i>i',
  fd_datasync: 'i>i',
  fd_fdstat_get: 'ii>i',
  fd_fdstat_set_flags: 'ii>i',
  fd_fdstat_set_rights: 'iII>i',
  fd_filestat_get: 'ii>i',
  fd_filestat_set_size: 'iI>i',
  fd_filestat_set_times: 'iIIi>i',
  fd_pread: 'iiiIi>i',
  fd_prestat_get: 'ii>i',
  fd_prestat_dir_name: 'iii>i',
  fd_pwrite: 'iiiIi>i',
  fd_read: 'iiii>i',
  fd_readdir: 'iiiIi>i',
  fd_renumber: 'ii>i',
  fd_seek: 'iIii>i',
  fd_sync: 'i>i',
  fd_tell: 'ii>i',
  fd_write: 'iiii>i',
  path_create_directory: 'iii>i',
  path_filestat_get: 'iiiii>i',
  path_filestat_set_times: 'iiiiIIi>i',
  path_link: 'iiiiiii>i',
  path_open: 'iiiiiIIii>i',
  path_readlink: 'iiiiii>i',
  path_remove_directory: 'iii>i',
  path_rename: 'iiiiii>i',
  path_symlink: 'iiiii>i',
  path_unlink_file: 'iii>i',
  poll_oneoff: 'iiii>i',
  proc_exit: 'i>',
  proc_raise: 'i>i',
  random_get: 'ii>i',
  sched_yield: '>i',
  sock_accept: 'iii>i',
  sock_recv: 'iiiiii>i',
  sock_send: 'iiiii>i',
  sock_shutdown: 'ii>i',
}

const WASI_MODULES: ReadonlySet<string> = new Set(['wasi_snapshot_preview1', 'wasi_unstable'])

/** The types that the host accepts for an import, or undefined where it has no such function. */
export function acceptedTypes(module: string, name: string): readonly Signature[] | undefined {
  const table = module === 'env' ? HOST_FUNCTIONS : WASI_MODULES.has(module) ? WASI_FUNCTIONS : undefined
  if (table === undefined || !Object.hasOwn(table, name)) return undefined
  return RESULT_OPTIONAL.has(name) ? [table[name], '>'] : [table[name]]
}

/** Callbacks; those of 0.1.0 for headers lack end_of_stream. */
export const CALLBACKS = {
  proxy_on_vm_start: 'ii>i',
  proxy_validate_configuration: 'ii>i',
  proxy_on_configure: 'ii>i',
  proxy_on_tick: 'i>',
  proxy_on_context_create: 'ii>',
  proxy_on_done: 'i>i',
  proxy_on_log: 'i>',
  proxy_on_delete: 'i>',
  proxy_on_new_connection: 'i>i',
  proxy_on_downstream_data: 'iii>i',
  proxy_on_upstream_data: 'iii>i',
  proxy_on_downstream_connection_close: 'ii>',
  proxy_on_upstream_connection_close: 'ii>',
  proxy_on_request_headers: 'iii>i',
  proxy_on_request_body: 'iii>i',
  proxy_on_request_trailers: 'ii>i',
  proxy_on_request_metadata: 'ii>i',
  proxy_on_response_headers: 'iii>i',
  proxy_on_response_body: 'iii>i',
  proxy_on_response_trailers: 'ii>i',
  proxy_on_response_metadata: 'ii>i',
  proxy_on_http_call_response: 'iiiii>',
  proxy_on_grpc_receive_initial_metadata: 'iii>',
  proxy_on_grpc_receive: 'iii>',
  proxy_on_grpc_receive_trailing_metadata: 'iii>',
  proxy_on_grpc_close: 'iii>',
  proxy_on_queue_ready: 'ii>',
  proxy_on_foreign_function: 'iii>',
  envoy_on_resolve_dns: 'iii>',
} as const satisfies Record<string, Signature>

/** What the host may call in a module, by the name of the export. */
export type CallbackName = keyof typeof CALLBACKS

/** What the host calls beside callbacks. */
export const ENTRY_POINTS: Readonly<Record<string, Signature>> = {
  malloc: 'i>i',
  proxy_on_memory_allocate: 'i>i',
  _initialize: '>',
  _start: '>',
  main: 'ii>i',
  __main_void: '>i',
}

/** The type that the ABI gives a callback; header callbacks got their third argument, `end_of_stream`, with 0.2.0. */
export function callbackType(name: CallbackName, abi: AbiVersion): Signature {
  if (abi === '0.1.0' && (name === 'proxy_on_request_headers' || name === 'proxy_on_response_headers')) return 'ii>i'
  return CALLBACKS[name]
}

const MARKERS: Readonly<Record<string, AbiVersion>> = {
  proxy_abi_version_0_1_0: '0.1.0',
  proxy_abi_version_0_2_0: '0.2.0',
  proxy_abi_version_0_2_1: '0.2.1',
}

/** The first marker in export order wins, as in cpp-host. */
export function abiOf(exports: readonly { readonly name: string }[]): AbiVersion | undefined {
  for (const { name } of exports) if (Object.hasOwn(MARKERS, name)) return MARKERS[name]
  return undefined
}
