/** Modules about loading: versions, allocators, entry points, imports, exports. Each logs when a request reaches it. */
import { module, type Parts } from './text.ts'

/** Logs `request` for each request. */
const REQUEST =
  '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $say_request) (i32.const 0))'
/** The same of ABI 0.1.0. */
const REQUEST_OLD =
  '(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (call $say_request) (i32.const 0))'

function logging({ strings = {}, body = '', ...more }: Parts): string {
  return module({ ...more, strings: { request: 'request', ...strings }, body: `${REQUEST}\n${body}` })
}

const MALLOC_AT = 8192
const ALLOCATE_AT = 12288

/** Asks for a property, so that the host allocates, and says where the value came to lie. */
const ASKING = `(data (i32.const 512) "plugin_root_id")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (call $get_property (i32.const 512) (i32.const 14) (i32.const 600) (i32.const 604))
      (then (call $say_failed))
      (else
        (if (i32.eq (i32.load (i32.const 600)) (i32.const ${MALLOC_AT})) (then (call $say_malloc)) (else
          (if (i32.eq (i32.load (i32.const 600)) (i32.const ${ALLOCATE_AT})) (then (call $say_allocate)) (else (call $say_elsewhere)))))))
    (i32.const 0))`
const STRINGS = { failed: 'failed', malloc: 'malloc', allocate: 'allocate', elsewhere: 'elsewhere' }
const asking = (allocator: string) => module({ allocator: { text: allocator }, strings: STRINGS, body: ASKING })

const AT = (name: string, address: number) =>
  `(func (export "${name}") (param i32) (result i32) (i32.const ${address}))`

const entry = (body: string) =>
  module({
    strings: { request: 'request', initialize: 'initialize', start: 'start', main: 'main', void: 'void' },
    body: `(global $trace (mut i32) (i32.const 0))
      (func $step (param $n i32) (global.set $trace (i32.add (i32.mul (global.get $trace) (i32.const 10)) (local.get $n))))
      (data (i32.const 700) "0000")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $n i32) (local $i i32)
        (local.set $n (global.get $trace))
        (local.set $i (i32.const 703))
        (loop $next
          (i32.store8 (local.get $i) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
          (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (br_if $next (i32.ge_u (local.get $i) (i32.const 700))))
        (drop (call $log (i32.const 2) (i32.const 700) (i32.const 4)))
        (i32.const 0))
      ${body}`,
  })

const STEP = (name: string, n: number) => `(func (export "${name}") (call $step (i32.const ${n})))`
const MAIN = '(func (export "main") (param i32 i32) (result i32) (call $step (i32.const 3)) (i32.const 0))'
const MAIN_VOID = '(func (export "__main_void") (result i32) (call $step (i32.const 4)) (i32.const 0))'

const TICK = '(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))'
const FD_WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))'
const EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'

export const LOADING: Readonly<Record<string, string>> = {
  'abi-0.1.0': module({ abi: ['0_1_0'], strings: { request: 'request' }, body: REQUEST_OLD }),
  'abi-0.2.0': logging({ abi: ['0_2_0'] }),
  'abi-0.2.1': logging({}),
  'abi-none': logging({ abi: [] }),
  'abi-0.3.0': logging({ abi: ['0_3_0'] }),
  'abi-two-old-first': module({ abi: ['0_1_0', '0_2_1'], strings: { request: 'request' }, body: REQUEST_OLD }),
  'abi-two-new-first': logging({ abi: ['0_2_1', '0_1_0'] }),
  'abi-marker-with-parameter': logging({ abi: [], body: '(func (export "proxy_abi_version_0_2_1") (param i32))' }),

  'allocator-malloc': asking(AT('malloc', MALLOC_AT)),
  'allocator-proxy': asking(AT('proxy_on_memory_allocate', ALLOCATE_AT)),
  'allocator-both': asking(`${AT('malloc', MALLOC_AT)} ${AT('proxy_on_memory_allocate', ALLOCATE_AT)}`),
  'allocator-none': logging({ allocator: 'none' }),
  'allocator-null': asking(AT('malloc', 0)),
  'allocator-outside': asking(AT('malloc', 0x7ffffff0)),
  'allocator-end': asking(AT('malloc', 0x3fff8)),
  'allocator-traps': asking('(func (export "malloc") (param i32) (result i32) (unreachable))'),
  'allocator-grows': asking(
    '(func (export "malloc") (param i32) (result i32) (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))',
  ),
  'allocator-calls-host': asking(`(func (export "malloc") (param i32) (result i32)
    (drop (call $get_property (i32.const 512) (i32.const 14) (i32.const 600) (i32.const 604))) (i32.const 8192))`),
  'allocator-wrong-type': logging({
    allocator: { text: '(func (export "malloc") (param i64) (result i32) (i32.const 8192))' },
  }),

  'entry-none': entry(''),
  'entry-initialize': entry(STEP('_initialize', 1)),
  'entry-start': entry(STEP('_start', 2)),
  'entry-initialize-and-start': entry(`${STEP('_initialize', 1)} ${STEP('_start', 2)}`),
  'entry-initialize-and-main': entry(`${STEP('_initialize', 1)} ${MAIN}`),
  'entry-initialize-and-main-void': entry(`${STEP('_initialize', 1)} ${MAIN_VOID}`),
  'entry-initialize-and-both-mains': entry(`${STEP('_initialize', 1)} ${MAIN} ${MAIN_VOID}`),
  'entry-start-and-main': entry(`${STEP('_start', 2)} ${MAIN}`),
  'entry-main-only': entry(MAIN),

  'start-logs': logging({ strings: { hello: 'hello' }, body: '(func (export "_start") (call $say_hello))' }),
  'start-writes': logging({
    imports: FD_WRITE,
    body: '(func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 64))))',
  }),
  'start-sets-tick': logging({ imports: TICK, body: '(func (export "_start") (drop (call $tick (i32.const 100))))' }),
  'initialize-gets-property': logging({
    body: '(func (export "_initialize") (drop (call $get_property (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 68))))',
  }),
  'start-traps': logging({ body: '(func (export "_start") unreachable)' }),
  'start-exits': logging({ imports: EXIT, body: '(func (export "_start") (call $exit (i32.const 0)))' }),
  'start-exits-and-traps': logging({
    imports: EXIT,
    body: '(func (export "_start") (call $exit (i32.const 1)) unreachable)',
  }),

  'vm-start-false': logging({ body: '(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))' }),
  'vm-start-traps': logging({ body: '(func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)' }),
  'configure-false': logging({
    body: '(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))',
  }),
  'create-traps': logging({ body: '(func (export "proxy_on_context_create") (param i32 i32) unreachable)' }),

  'import-unknown': logging({ imports: '(import "env" "proxy_no_such_function" (func (param i32) (result i32)))' }),
  'import-unknown-module': logging({ imports: '(import "somewhere" "f" (func))' }),
  'import-unknown-wasi': logging({
    imports: '(import "wasi_snapshot_preview1" "fd_no_such" (func (param i32) (result i32)))',
  }),
  'import-wrong-type': module({
    strings: {},
    imports: '(import "env" "proxy_get_status" (func (param i32 i32) (result i32)))',
  }),
  'import-wrong-result': module({ strings: {}, imports: '(import "env" "proxy_done" (func))' }),
  'import-global': logging({ imports: '(import "env" "g" (global i32))' }),
  'import-of-another-version': logging({
    abi: ['0_2_0'],
    imports: '(import "env" "proxy_get_log_level" (func (param i32) (result i32)))',
  }),
  'import-emscripten': logging({
    imports:
      '(import "env" "emscripten_notify_memory_growth" (func (param i32))) (import "env" "pthread_equal" (func (param i32 i32) (result i32)))',
  }),

  'callback-too-few': module({
    strings: {},
    body: '(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))',
  }),
  'callback-too-many-0.1.0': module({
    abi: ['0_1_0'],
    strings: {},
    body: '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))',
  }),
  'callback-no-result': module({ strings: {}, body: '(func (export "proxy_on_request_body") (param i32 i32 i32))' }),
  'callback-wide': module({ strings: {}, body: '(func (export "proxy_on_tick") (param i64))' }),
  'callback-none': module({ strings: {} }),
  'callback-misnamed': logging({
    body: '(func (export "proxy_on_grpc_trailing_metadata") (param i32 i32 i32) unreachable)',
  }),
}

/** Files that are no modules. */
export const NO_MODULES: Readonly<Record<string, Buffer>> = {
  'no-module-empty': Buffer.alloc(0),
  'no-module-text': Buffer.from('<html>404</html>'),
  'no-module-header-only': Buffer.from('0061736d', 'hex'),
  'no-module-truncated': Buffer.from('0061736d0100000001ff', 'hex'),
  'no-module-component': Buffer.from('0061736d0d000100', 'hex'),
}
