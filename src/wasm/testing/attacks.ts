/** Hostile code, by the class of crashes that other hosts have had from it, for the body of any callback of a `guest`. */
import type { FailureCause } from '../failure.ts'

/** The body of a callback, as WAT, and what has to become of it. */
export interface Attack {
  readonly code: string
  /** What the VM dies of; absent: it lives, and its calls were refused. */
  readonly cause?: FailureCause | readonly FailureCause[]
  readonly also?: string
  /** It brings an allocator of its own. */
  readonly noAllocator?: boolean
}

const forever = (code: string) => `(loop ${code} (br 0))`

/** By the name of the class. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  trap: { code: 'unreachable', cause: 'trap' },
  'division by zero': { code: '(drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))', cause: 'trap' },
  'memory out of bounds': { code: '(i32.store (i32.const -4) (i32.const 1))', cause: 'trap' },
  'uncaught exception': { code: '(throw $e)', cause: 'trap', also: '(tag $e)' },
  'stack overflow': { code: '(drop (call $deep (i32.const 0)))', also: DEEP(), cause: ['stack_overflow', 'fuel'] },
  'endless loop': { code: forever(''), cause: 'fuel' },
  'endless loop in a catch-all': { code: '(try (do (loop (br 0))) (catch_all))', cause: 'fuel' },
  'memory bomb': { code: forever('(drop (memory.grow (i32.const 1)))'), cause: 'fuel' },
  'fill bomb': { code: forever('(memory.fill (i32.const 0) (i32.const 0) (i32.const 65536))'), cause: 'fuel' },
  'host call storm': { code: forever('(drop (call $proxy_get_current_time_nanoseconds $slot0))'), cause: 'fuel' },
  'log flood': { code: forever('(drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 100)))'), cause: 'fuel' },
  'stderr flood': {
    code: forever('(drop (call $fd_write (i32.const 2) (i32.const 512) (i32.const 100) $slot0))'),
    cause: 'fuel',
  },
  'long name storm': {
    code: '(drop (call $proxy_get_header_map_value (i32.const 0) (i32.const 0) (i32.const 65536) $slot0 $slot1))'.repeat(
      25,
    ),
    cause: 'fuel',
  },
  'long change storm': {
    code: '(drop (call $proxy_add_header_map_value (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 0) (i32.const 1)))'.repeat(
      25,
    ),
    cause: 'fuel',
  },
  'long removal storm': {
    code: '(drop (call $proxy_remove_header_map_value (i32.const 0) (i32.const 0) (i32.const 65536)))'.repeat(25),
    cause: 'fuel',
  },
  'long VM id storm': {
    code: '(drop (call $proxy_resolve_shared_queue (i32.const 0) (i32.const 65536) (i32.const 0) (i32.const 1) $slot0))'.repeat(
      25,
    ),
    cause: 'fuel',
  },
  'long gRPC service storm': {
    code: '(drop (call $proxy_grpc_call (i32.const 0) (i32.const 65536) (s "C") (s "C") (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) $slot0))'.repeat(
      18,
    ),
    cause: 'fuel',
  },
  'pairs storm': {
    code: forever('(drop (call $proxy_get_property (s "plugin_name") $slot0 $slot1))'),
    cause: ['fuel', 'allocator'],
  },
  'metric flood': {
    code: forever(`(i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
      (drop (call $proxy_define_metric (i32.const 0) (i32.const 256) (i32.const 4) $slot0))`),
    cause: 'fuel',
  },
  'shared data flood': {
    code: forever(`(i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
      (drop (call $proxy_set_shared_data (i32.const 256) (i32.const 4) (i32.const 0) (i32.const 4000) (i32.const 0)))`),
    cause: 'fuel',
  },
  'queue flood': {
    code: `(drop (call $proxy_register_shared_queue (s "q") $slot0))
      ${forever('(drop (call $proxy_enqueue_shared_queue (i32.load $slot0) (i32.const 0) (i32.const 4000)))')}`,
    cause: 'fuel',
  },
  'callout flood': {
    code: forever(`(drop (call $proxy_http_call (s "httpbin") (s "${pairsOf()}") (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 1) $slot0))`),
    cause: 'fuel',
  },
  'filter state flood': {
    code: forever(`(i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
      (drop (call $proxy_set_property (i32.const 256) (i32.const 4) (i32.const 0) (i32.const 4000)))`),
    cause: 'fuel',
  },
  'zip bomb': {
    code: forever(
      '(drop (call $proxy_call_foreign_function (s "compress") (i32.const 0) (i32.const 65536) $slot0 $slot1))',
    ),
    cause: ['fuel', 'allocator'],
  },
  'expression flood': {
    code: forever('(drop (call $proxy_call_foreign_function (s "expr_create") (s "1 + 1") $slot0 $slot1))'),
    cause: ['fuel', 'allocator'],
  },
  'gRPC flood': {
    code: forever(`(drop (call $proxy_grpc_call (s "httpbin") (s "a.B") (s "C") (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 1) $slot0))`),
    cause: 'fuel',
  },
  'an exit': { code: '(call $proc_exit (i32.const 1)) unreachable', cause: 'trap' },
  'broken allocator': {
    code: '(i32.store (i32.const 12) (i32.const 1)) (drop (call $proxy_get_property (s "plugin_name") $slot0 $slot1))',
    cause: 'allocator',
    noAllocator: true,
    also: `(func (export "malloc") (param i32) (result i32)
      (select (i32.const -16) (i32.const 65536) (i32.load (i32.const 12))))`,
  },
  'header injection': {
    code: [0, 2]
      .map(
        (map) => `(drop (call $proxy_add_header_map_value (i32.const ${map}) (s "x-a") (s "a\0d\0aset-cookie: b")))
      (drop (call $proxy_add_header_map_value (i32.const ${map}) (s "a b:") (s "a")))
      (drop (call $proxy_add_header_map_value (i32.const ${map}) (s "") (s "a")))
      (drop (call $proxy_replace_header_map_value (i32.const ${map}) (s "transfer-encoding") (s "gzip, chunked")))
      (drop (call $proxy_add_header_map_value (i32.const ${map}) (s "content-length") (s "3")))`,
      )
      .join(''),
  },
  'replies, continues and closes': {
    code: `(drop (call $proxy_send_local_response (i32.const 200) (s "") (s "a") (s "") (i32.const -1)))
      (drop (call $proxy_continue_stream (i32.const 0))) (drop (call $proxy_continue_stream (i32.const 1)))
      (drop (call $proxy_send_local_response (i32.const 500) (s "") (s "b") (s "") (i32.const -1)))
      (drop (call $proxy_close_stream (i32.const 0))) (drop (call $proxy_close_stream (i32.const 1)))
      (drop (call $proxy_send_local_response (i32.const 503) (s "") (s "c") (s "") (i32.const -1)))`,
  },
  'wild pointers': {
    code: `(drop (call $proxy_log (i32.const 2) (i32.const -1) (i32.const -1)))
      (drop (call $proxy_get_property (i32.const 2147483647) (i32.const 2147483647) $slot0 $slot1))
      (drop (call $proxy_set_shared_data (i32.const -10) (i32.const 20) (i32.const 0) (i32.const 1) (i32.const 0)))
      (drop (call $proxy_get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const -1) (i32.const -1) (i32.const -3)))
      (drop (call $fd_write (i32.const 1) (i32.const 131071) (i32.const -1) (i32.const -1)))
      (drop (call $random_get (i32.const 131071) (i32.const 60000)))`,
  },
  'malicious pairs': {
    code: `(drop (call $proxy_set_header_map_pairs (i32.const 0) (s "\\ff\\ff\\ff\\7f\\00\\00\\00\\00")))
      (drop (call $proxy_send_local_response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (s "\\01\\00\\00\\00\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff") (i32.const -1)))`,
  },
  'contexts of others': {
    code: `(drop (call $proxy_set_effective_context (i32.const 0))) (drop (call $proxy_set_effective_context (i32.const -1)))
      (drop (call $proxy_done)) (drop (call $proxy_continue_stream (i32.const -1))) (drop (call $proxy_close_stream (i32.const 77)))
      (drop (call $proxy_grpc_cancel (i32.const 5))) (drop (call $proxy_grpc_close (i32.const 6)))
      (drop (call $proxy_grpc_send (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 1)))
      (drop (call $proxy_dequeue_shared_queue (i32.const 12345) $slot0 $slot1))`,
  },
}

function DEEP(): string {
  const locals = Array.from({ length: 40 }, (_, i) => `(local.set ${i + 1} (i64.extend_i32_u (local.get 0)))`).join('')
  return `(func $deep (param i32) (result i32) (local ${'i64 '.repeat(40)}) ${locals}
    (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.wrap_i64 (local.get 7))))`
}

/** Serialized headers of a callout. */
export function pairsOf(): string {
  const names = [':method', 'GET', ':path', '/', ':authority', 'a']
  const word = (n: number) => `\\${n.toString(16).padStart(2, '0')}\\00\\00\\00`
  return word(3) + names.map((text) => word(text.length)).join('') + names.map((text) => `${text}\\00`).join('')
}
