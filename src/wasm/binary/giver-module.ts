import { OP, TYPE } from './opcodes.ts'
import { Writer } from './writer.ts'

/** What its functions are called in backtraces, which leave them out. */
export const GIVER_NAME = 'sluice_string_giver'

/** Imports of the module below; its exports are `give` and `put`. */
export const GIVER = { module: 'm', memory: 'memory', malloc: 'malloc' } as const

const { i32: I32, externref: EXTERNREF, function: FUNCTION, void: VOID } = TYPE

/** Indices: the imported functions come first. */
const CHAR_CODE_AT = 0
const MALLOC = 1
const GIVE = 2
const PUT = 3
const WRITE = 4

/**
 * A module that stands between the host and an extension: it puts a string into the extension's memory. V8 reads the characters of a
 * string (JS String Builtins, of which the engine provides `charCodeAt`) three times as fast from WebAssembly as from JavaScript, where
 * each looks at how the string is kept; and the allocator is called from here without leaving WebAssembly.
 *
 * `give(text, length, pointerSlot, sizeSlot) -> pointer` allocates, writes and fills the two slots, unless the allocator's answer does
 * not lie in memory: then the caller, which looks at the pointer again, has the fault. `put(text, length, sizeAt, at)` writes one half
 * of a pair into a block that is there: its length, the characters and the NUL behind them.
 */
export function stringGiver(): Uint8Array {
  const out = new Writer(512)
  out.bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
  section(out, 1, 5, (types) => {
    types.bytes(Uint8Array.of(FUNCTION, 2, EXTERNREF, I32, 1, I32)) // charCodeAt
    types.bytes(Uint8Array.of(FUNCTION, 1, I32, 1, I32)) // malloc
    types.bytes(Uint8Array.of(FUNCTION, 4, EXTERNREF, I32, I32, I32, 1, I32)) // give
    types.bytes(Uint8Array.of(FUNCTION, 4, EXTERNREF, I32, I32, I32, 0)) // put
    types.bytes(Uint8Array.of(FUNCTION, 3, EXTERNREF, I32, I32, 0)) // write
  })
  section(out, 2, 3, (imports) => {
    imports.name('wasm:js-string')
    imports.name('charCodeAt')
    imports.bytes(Uint8Array.of(0, CHAR_CODE_AT))
    imports.name(GIVER.module)
    imports.name(GIVER.malloc)
    imports.bytes(Uint8Array.of(0, MALLOC))
    imports.name(GIVER.module)
    imports.name(GIVER.memory)
    imports.bytes(Uint8Array.of(2, 0, 0)) // of any size
  })
  section(out, 3, 3, (functions) => functions.bytes(Uint8Array.of(GIVE, PUT, WRITE)))
  section(out, 7, 2, (exports) => {
    exports.name('give')
    exports.bytes(Uint8Array.of(0, GIVE))
    exports.name('put')
    exports.bytes(Uint8Array.of(0, PUT))
  })
  section(out, 10, 3, (code) => {
    body(code, GIVE_CODE)
    body(code, PUT_CODE)
    body(code, WRITE_CODE)
  })
  const names = new Writer()
  names.name('name')
  section(names, 1, 3, (functions) => {
    for (const index of [GIVE, PUT, WRITE]) {
      functions.u32(index)
      functions.name(GIVER_NAME)
    }
  })
  out.section(0, names)
  return out.view()
}

function section(out: Writer, id: number, count: number, write: (body: Writer) => void): void {
  const content = new Writer()
  content.u32(count)
  write(content)
  out.section(id, content)
}

function body(out: Writer, code: Uint8Array): void {
  out.u32(code.length)
  out.bytes(code)
}

const get = (local: number) => [OP.localGet, local]
const set = (local: number) => [OP.localSet, local]
const i32 = (value: number) => [OP.i32Const, value]
const call = (index: number) => [OP.call, index]
const ADD = OP.i32Add
const END = OP.end
const STORE = [OP.i32Store, 0, 0]
const STORE_BYTE = [OP.i32Store8, 0, 0]

// biome-ignore format: one instruction, or one expression, a line
const GIVE_CODE = Uint8Array.of(
  1, 1, I32, // local 4: the pointer
  ...get(1), ...call(MALLOC), ...set(4),
  ...get(4),
  OP.if, VOID,
    // (u64) pointer + length <= (u64) pages << 16
    ...get(4), OP.i64ExtendI32U, ...get(1), OP.i64ExtendI32U, OP.i64Add,
    OP.memorySize, 0, OP.i64ExtendI32U, OP.i64Const, 16, OP.i64Shl,
    OP.i64LeU,
    OP.if, VOID,
      ...get(0), ...get(1), ...get(4), ...call(WRITE),
      ...get(2), ...get(4), ...STORE,
      ...get(3), ...get(1), ...STORE,
    END,
  END,
  ...get(4),
  END,
)

// biome-ignore format: one instruction, or one expression, a line
const PUT_CODE = Uint8Array.of(
  0,
  ...get(2), ...get(1), ...STORE,
  ...get(0), ...get(1), ...get(3), ...call(WRITE),
  ...get(3), ...get(1), ADD, ...i32(0), ...STORE_BYTE,
  END,
)

// biome-ignore format: one instruction, or one expression, a line
const WRITE_CODE = Uint8Array.of(
  1, 1, I32, // local 3: the index
  OP.block, VOID,
    OP.loop, VOID,
      ...get(3), ...get(1), OP.i32GeU, OP.brIf, 1, // index >= length
      ...get(2), ...get(3), ADD,
      ...get(0), ...get(3), ...call(CHAR_CODE_AT),
      ...STORE_BYTE,
      ...get(3), ...i32(1), ADD, ...set(3),
      OP.br, 0,
    END,
  END,
  END,
)
