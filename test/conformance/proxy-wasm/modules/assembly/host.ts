// The host functions that all three ABI versions share; facts on each: proxy-wasm/spec, abi-versions.
@external("env", "proxy_log") export declare function log(level: u32, p: usize, l: u32): u32
@external("env", "proxy_set_effective_context") export declare function setEffectiveContext(id: u32): u32
@external("env", "proxy_done") export declare function done(): u32
@external("env", "proxy_get_current_time_nanoseconds") export declare function getTime(out: usize): u32
@external("env", "proxy_set_tick_period_milliseconds") export declare function setTick(ms: u32): u32
@external("env", "proxy_get_buffer_bytes") export declare function getBuffer(b: u32, start: u32, max: u32, p: usize, l: usize): u32
@external("env", "proxy_set_buffer_bytes") export declare function setBuffer(b: u32, start: u32, size: u32, p: usize, l: u32): u32
@external("env", "proxy_get_buffer_status") export declare function getBufferStatus(b: u32, size: usize, flags: usize): u32
@external("env", "proxy_get_header_map_size") export declare function getMapSize(m: u32, out: usize): u32
@external("env", "proxy_get_header_map_pairs") export declare function getPairs(m: u32, p: usize, l: usize): u32
@external("env", "proxy_set_header_map_pairs") export declare function setPairs(m: u32, p: usize, l: u32): u32
@external("env", "proxy_get_header_map_value") export declare function getValue(m: u32, k: usize, kl: u32, p: usize, l: usize): u32
@external("env", "proxy_add_header_map_value") export declare function addValue(m: u32, k: usize, kl: u32, p: usize, l: u32): u32
@external("env", "proxy_replace_header_map_value") export declare function replaceValue(m: u32, k: usize, kl: u32, p: usize, l: u32): u32
@external("env", "proxy_remove_header_map_value") export declare function removeValue(m: u32, k: usize, kl: u32): u32
@external("env", "proxy_send_local_response") export declare function localResponse(code: u32, d: usize, dl: u32, b: usize, bl: u32, h: usize, hl: u32, grpc: i32): u32
@external("env", "proxy_get_status") export declare function getStatus(code: usize, p: usize, l: usize): u32
@external("env", "proxy_http_call") export declare function httpCall(u: usize, ul: u32, h: usize, hl: u32, b: usize, bl: u32, t: usize, tl: u32, ms: u32, id: usize): u32
@external("env", "proxy_grpc_call") export declare function grpcCall(u: usize, ul: u32, s: usize, sl: u32, m: usize, ml: u32, i: usize, il: u32, b: usize, bl: u32, ms: u32, id: usize): u32
@external("env", "proxy_grpc_stream") export declare function grpcStream(u: usize, ul: u32, s: usize, sl: u32, m: usize, ml: u32, i: usize, il: u32, id: usize): u32
@external("env", "proxy_grpc_send") export declare function grpcSend(id: u32, p: usize, l: u32, end: u32): u32
@external("env", "proxy_grpc_cancel") export declare function grpcCancel(id: u32): u32
@external("env", "proxy_grpc_close") export declare function grpcClose(id: u32): u32
@external("env", "proxy_get_shared_data") export declare function getShared(k: usize, kl: u32, p: usize, l: usize, cas: usize): u32
@external("env", "proxy_set_shared_data") export declare function setShared(k: usize, kl: u32, p: usize, l: u32, cas: u32): u32
@external("env", "proxy_register_shared_queue") export declare function registerQueue(p: usize, l: u32, id: usize): u32
@external("env", "proxy_resolve_shared_queue") export declare function resolveQueue(v: usize, vl: u32, p: usize, l: u32, id: usize): u32
@external("env", "proxy_enqueue_shared_queue") export declare function enqueue(id: u32, p: usize, l: u32): u32
@external("env", "proxy_dequeue_shared_queue") export declare function dequeue(id: u32, p: usize, l: usize): u32
@external("env", "proxy_define_metric") export declare function defineMetric(type: u32, p: usize, l: u32, id: usize): u32
@external("env", "proxy_increment_metric") export declare function incrementMetric(id: u32, delta: i64): u32
@external("env", "proxy_record_metric") export declare function recordMetric(id: u32, value: u64): u32
@external("env", "proxy_get_metric") export declare function getMetric(id: u32, out: usize): u32
@external("env", "proxy_get_property") export declare function getProperty(k: usize, kl: u32, p: usize, l: usize): u32
@external("env", "proxy_set_property") export declare function setProperty(k: usize, kl: u32, p: usize, l: u32): u32
@external("env", "proxy_call_foreign_function") export declare function callForeign(n: usize, nl: u32, a: usize, al: u32, p: usize, l: usize): u32
