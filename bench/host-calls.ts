/**
 * Nanoseconds per host call, from within a module that calls in a loop, all limits on. The second column is the target or the
 * reference of the facts on Proxy-Wasm, section 7.
 *
 * node bench/host-calls.ts [part of a name]
 */
import { compileModuleSync } from '../src/wasm/index.ts'
import { guest } from '../src/wasm/testing/wat-guest.ts'
import { measure } from './paired.ts'
import { REQUEST, RESPONSE, StubStream, startStub } from './wasm-stub.ts'

const CALLS = 1000

/** The code of one call. Results are dropped by putting the bump allocator back. */
const OPERATIONS: readonly [string, string, string][] = [
  ['empty loop', '(i32.const 0)', ''],
  [
    'get header, 1st of 12, short value',
    '(call $proxy_get_header_map_value (i32.const 0) (s ":method") $slot0 $slot1)',
    '<= 110',
  ],
  [
    'get header, 11th of 12, 36 bytes',
    '(call $proxy_get_header_map_value (i32.const 0) (s "x-request-id") $slot0 $slot1)',
    '<= 110',
  ],
  [
    'get header, mixed case',
    '(call $proxy_get_header_map_value (i32.const 0) (s "X-Forwarded-For") $slot0 $slot1)',
    '<= 110',
  ],
  ['get header, missing', '(call $proxy_get_header_map_value (i32.const 0) (s "x-none") $slot0 $slot1)', ''],
  ['get pairs, 12 headers', '(call $proxy_get_header_map_pairs (i32.const 0) $slot0 $slot1)', ''],
  [
    'add and remove a header',
    '(i32.add (call $proxy_add_header_map_value (i32.const 2) (s "x-added") (s "value")) (call $proxy_remove_header_map_value (i32.const 2) (s "x-added")))',
    '',
  ],
  ['replace a header', '(call $proxy_replace_header_map_value (i32.const 2) (s "server") (s "sluice")) ', ''],
  ['log below the level', '(call $proxy_log (i32.const 0) (s "a line of text"))', ''],
  ['log', '(call $proxy_log (i32.const 2) (s "a line of text"))', ''],
  ['time', '(call $proxy_get_current_time_nanoseconds $slot0)', ''],
  ['property plugin_name', '(call $proxy_get_property (s "plugin_name") $slot0 $slot1)', ''],
  ['property request.path', '(call $proxy_get_property (s "request\\00path") $slot0 $slot1)', ''],
  ['increment a metric', '(call $proxy_increment_metric (i32.const 4) (i64.const 1))', ''],
  ['get shared data', '(call $proxy_get_shared_data (s "key") $slot0 $slot1 $slot2)', ''],
  [
    'get buffer bytes (configuration)',
    '(call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 64) $slot0 $slot1)',
    '',
  ],
]

const rows: Record<string, unknown>[] = []
for (const [name, code, reference] of OPERATIONS) {
  if (process.argv[2] !== undefined && !name.includes(process.argv[2])) continue
  const bytes = guest(`
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $proxy_define_metric (i32.const 0) (s "m") $slot0))
      (drop (call $proxy_set_shared_data (s "key") (s "a value") (i32.const 0))) (i32.const 1))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (local $i i32)
      (local.set $i (i32.const ${CALLS}))
      (loop $l (global.set $heap (i32.const 65536)) (drop ${code})
        (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $l (local.get $i)))
      (i32.const 0))`)
  const limits = { logBurst: 1e12, logsPerSecond: 1e12 }
  const plugin = startStub(compileModuleSync(bytes, limits), { configuration: 'x'.repeat(64) })
  const context = plugin.createHttpContext(new StubStream(REQUEST.slice(), RESPONSE.slice()))
  // As in Envoy a plugin that has seen no request gets no response.
  context.onRequestHeaders(true)
  const { best, median } = measure(() => context.onResponseHeaders(true))
  rows.push({ operation: name, ns: (best / CALLS).toFixed(1), median: (median / CALLS).toFixed(1), reference })
  plugin.close()
}
console.table(rows)
