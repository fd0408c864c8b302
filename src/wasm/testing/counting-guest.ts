import { guest } from './wat-guest.ts'

/**
 * A plugin whose gauge `wasmcustom.contexts` says how many of its stream contexts live. It looks at every part of a message;
 * `onResponse` is code for the response's headers.
 */
export function countingGuest(onResponse = ''): Uint8Array {
  return guest(`
    (global $metric (mut i32) (i32.const 0))
    ;; An update may find the VM of the version before last alive, whose root context goes after the new one has come.
    (global $roots (mut i32) (i32.const 0))
    (func $root (param i32) (result i32)
      (i32.add $slot32 (i32.shl (i32.and (local.get 0) (i32.const 31)) (i32.const 2))))
    (func $isRoot (param i32) (result i32) (local i32)
      (loop $next
        (if (i32.eq (i32.load (call $root (local.get 1))) (local.get 0)) (then (return (i32.const 1))))
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get 1) (i32.const 32))))
      (i32.const 0))
    (func $count (param i64) (drop (call $proxy_increment_metric (global.get $metric) (local.get 0))))
    (func (export "proxy_on_context_create") (param i32 i32)
      (if (local.get 1) (then (call $count (i64.const 1)) (return)))
      (i32.store (call $root (global.get $roots)) (local.get 0))
      (global.set $roots (i32.add (global.get $roots) (i32.const 1))))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $proxy_define_metric (i32.const 1) (s "contexts") $slot0))
      (global.set $metric (i32.load $slot0))
      (i32.const 1))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)) (i32.const 0))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${onResponse} (i32.const 0))
    (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 0))
    (func (export "proxy_on_delete") (param i32)
      (if (i32.eqz (call $isRoot (local.get 0))) (then (call $count (i64.const -1)))))`)
}
