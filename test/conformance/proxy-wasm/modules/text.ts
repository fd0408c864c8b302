/** Texts of small modules, put together from parts. */

export interface Parts {
  /** Versions that the module claims, in the order of the exports; `0_2_1` unless told. */
  readonly abi?: readonly string[]
  /** More imports; proxy_log and proxy_get_property are there. */
  readonly imports?: string
  /** `proxy_on_memory_allocate` unless told; a name of an export, or the text of functions. */
  readonly allocator?: 'proxy_on_memory_allocate' | 'malloc' | 'both' | 'none' | { readonly text: string }
  readonly body?: string
  /** Strings by name; the text uses `(call $say_NAME)` to log one. */
  readonly strings?: Readonly<Record<string, string>>
}

const HEAP = 4096

/** A module's text. Memory: strings from 1024 on, what the host allocates from 4096 on. */
export function module({
  abi = ['0_2_1'],
  imports = '',
  allocator = 'proxy_on_memory_allocate',
  body = '',
  strings = {},
}: Parts): string {
  let at = 1024
  const data: string[] = []
  for (const [name, text] of Object.entries(strings)) {
    data.push(`(data (i32.const ${at}) "${text}")`)
    data.push(`(func $say_${name} (drop (call $log (i32.const 2) (i32.const ${at}) (i32.const ${text.length}))))`)
    at += text.length
  }
  return `(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  ${imports}
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const ${HEAP}))
  ${abi.map((version) => `(func (export "proxy_abi_version_${version}"))`).join('\n  ')}
  ${allocatorText(allocator)}
  ${data.join('\n  ')}
  ${body}
)`
}

const BUMP = `(param $size i32) (result i32) (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))`

function allocatorText(allocator: Parts['allocator']): string {
  if (typeof allocator === 'object') return allocator.text
  if (allocator === 'none') return ''
  if (allocator === 'both')
    return ['malloc', 'proxy_on_memory_allocate'].map((name) => `(func (export "${name}") ${BUMP}`).join('\n')
  return `(func (export "${allocator}") ${BUMP}`
}
