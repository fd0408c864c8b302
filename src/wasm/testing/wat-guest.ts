import wabt from 'wabt'
import { HOST_FUNCTIONS, WASI_FUNCTIONS } from '../abi/signatures.ts'

const FEATURES = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
}

const assembler = await wabt()

/** Assembles WAT as it stands. */
export function wat(text: string): Uint8Array {
  const module = assembler.parseWat('test.wat', text, FEATURES)
  try {
    return module.toBinary({ write_debug_names: true }).buffer
  } finally {
    module.destroy()
  }
}

/** What a module of a test leaves out or has otherwise. */
export interface GuestOptions {
  /** `0_1_0`, `0_2_0` or `0_2_1`; the last unless told. */
  readonly abi?: string
  /** Leave out the allocator. */
  readonly noAllocator?: boolean
  readonly memory?: string
}

const WORDS = 64

/**
 * A module for tests: `body` with what each needs around it. `call $proxy_x` and `call $fd_write` import themselves; `(s "text")`
 * stands for the pointer and the length of a text; `$slot0` … are addresses of words to write to; `$status` logs a status,
 * `$show` the bytes whose pointer and length stand at $slot0 and $slot1.
 */
export function guest(body: string, options: GuestOptions = {}): Uint8Array {
  const used = `${body} call $proxy_log`
  const imports: string[] = []
  for (const [module, table] of [
    ['env', HOST_FUNCTIONS],
    ['wasi_snapshot_preview1', WASI_FUNCTIONS],
  ] as const) {
    for (const [name, signature] of Object.entries(table)) {
      if (!new RegExp(`\\$${name}(?![a-z0-9_])`).test(used)) continue
      imports.push(`(import "${module}" "${name}" (func $${name} ${typeOf(signature)}))`)
    }
  }
  let end = 1024
  const data: string[] = []
  const text = body.replace(/\(s "((?:[^"\\]|\\.)*)"\)/g, (_, literal: string) => {
    const length = literalLength(literal)
    const at = end
    data.push(`(data (i32.const ${at}) "${literal}")`)
    end += length + 1
    return `(i32.const ${at}) (i32.const ${length})`
  })
  const slots = text.replace(/\$slot(\d+)/g, (_, n: string) => `(i32.const ${WORDS + Number(n) * 4})`)
  const allocator = options.noAllocator === true ? '' : ALLOCATOR
  return wat(`(module
    ${imports.join('\n    ')}
    (memory (export "memory") ${options.memory ?? '2'})
    (global $heap (mut i32) (i32.const 65536))
    (func (export "proxy_abi_version_${options.abi ?? '0_2_1'}"))
    ${allocator}
    ${HELPERS}
    ${data.join('\n    ')}
    ${slots})`)
}

const ALLOCATOR = `
    (func (export "malloc") (param $n i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $heap))
      (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get $n) (i32.const 7)) (i32.const -8))))
      (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.const 1)))))
      (local.get $at))`

const HELPERS = `
    (data (i32.const 16) "status ")
    (func $status (param $n i32)
      (i32.store8 (i32.const 23) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
      (i32.store8 (i32.const 24) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
      (drop (call $proxy_log (i32.const 2) (i32.const 16) (i32.const 9))))
    (func $show
      (drop (call $proxy_log (i32.const 2) (i32.load (i32.const ${WORDS})) (i32.load (i32.const ${WORDS + 4})))))`

const TYPES: Readonly<Record<string, string>> = { i: 'i32', I: 'i64' }

function typeOf(signature: string): string {
  const [params, results] = signature.split('>')
  const list = (word: string, codes: string) => [...codes].map((code) => `(${word} ${TYPES[code]})`).join(' ')
  return `${list('param', params)} ${list('result', results)}`
}

function literalLength(literal: string): number {
  return Buffer.byteLength(literal.replace(/\\([0-9a-fA-F]{2}|.)/g, 'x'))
}
