/** A module that calls one WASI function, chosen by the root id, and logs the result and what was written, in hex. */
import { module } from './text.ts'

export interface WasiCall {
  readonly name: string
  /** In the order of WASI preview 1; a 64-bit argument is a bigint. */
  readonly args: readonly (number | bigint)[]
  /** Bytes from address 2048 on that are logged after the call. */
  readonly outs?: number
  readonly noResult?: boolean
}

/** Where calls write. */
export const OUT = 2048
/** A list of two pieces, `he` and `llo\n`; one piece out of range. */
export const IOVS = 256
export const BAD_IOVS = 288

/** One module for all calls under one name of the module that is imported from. */
export function wasiModule(from: string, calls: readonly WasiCall[]): string {
  const imports = new Map<string, string>()
  for (const { name, args, noResult } of calls) {
    const types = args.map((arg) => (typeof arg === 'bigint' ? 'i64' : 'i32')).join(' ')
    const result = noResult === true ? '' : '(result i32)'
    imports.set(name, `(import "${from}" "${name}" (func $${name} (param ${types}) ${result}))`)
  }
  const cases = calls.map(({ name, args, outs = 0, noResult }, i) => {
    const values = args.map((arg) => (typeof arg === 'bigint' ? `(i64.const ${arg})` : `(i32.const ${arg})`)).join(' ')
    const call = `(call $${name} ${values})`
    return `(if (i32.eq (local.get $which) (i32.const ${i})) (then
      (local.set $result ${noResult === true ? `(block (result i32) ${call} (i32.const 0))` : call})
      (local.set $outs (i32.const ${outs}))))`
  })
  return module({
    imports: [...imports.values()].join('\n  '),
    body: `(data (i32.const 128) "plugin_root_id")
  (data (i32.const 192) "hello\\n")
  (data (i32.const ${IOVS}) "\\c0\\00\\00\\00\\02\\00\\00\\00\\c2\\00\\00\\00\\04\\00\\00\\00")
  (data (i32.const ${BAD_IOVS}) "\\c0\\00\\00\\7f\\02\\00\\00\\00")
  (data (i32.const 320) "0123456789abcdef")
  (func $hex (param $at i32) (param $byte i32)
    (i32.store8 (local.get $at) (i32.load8_u (i32.add (i32.const 320) (i32.shr_u (local.get $byte) (i32.const 4)))))
    (i32.store8 offset=1 (local.get $at) (i32.load8_u (i32.add (i32.const 320) (i32.and (local.get $byte) (i32.const 15))))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (local $which i32) (local $result i32) (local $outs i32) (local $i i32) (local $id i32)
    (drop (call $get_property (i32.const 128) (i32.const 14) (i32.const 160) (i32.const 164)))
    (local.set $id (i32.load (i32.const 160)))
    (local.set $which (i32.add (i32.mul (i32.sub (i32.load8_u (local.get $id)) (i32.const 48)) (i32.const 10))
      (i32.sub (i32.load8_u offset=1 (local.get $id)) (i32.const 48))))
    (memory.fill (i32.const ${OUT}) (i32.const 0xaa) (i32.const 256))
    ${cases.join('\n    ')}
    (call $hex (i32.const 3000) (local.get $result))
    (i32.store8 (i32.const 3002) (i32.const 32))
    (block $end (loop $next
      (br_if $end (i32.ge_u (local.get $i) (local.get $outs)))
      (call $hex (i32.add (i32.const 3003) (i32.mul (local.get $i) (i32.const 2))) (i32.load8_u (i32.add (i32.const ${OUT}) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (drop (call $log (i32.const 2) (i32.const 3000) (i32.add (i32.const 3) (i32.mul (local.get $outs) (i32.const 2)))))
    (i32.const 0))`,
  })
}
