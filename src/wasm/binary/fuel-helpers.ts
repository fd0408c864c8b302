/**
 * The functions that the rewriting adds, behind the module's own: by two the host sets and reads the counter of fuel, by three the
 * module pays for instructions whose cost depends on their operand. These are called with the operand on top of the stack and leave it
 * there.
 */
import { OP, TYPE } from './opcodes.ts'
import { INSERT } from './regions.ts'
import type { Writer } from './writer.ts'

/** What growing memory costs beyond its pages: the host has to make its views anew. */
const GROW_COST = 2000

/** i32.const 0, i32.lt_s, if, unreachable, end */
export const TRAP_BELOW_ZERO = Uint8Array.of(OP.i32Const, 0, OP.i32LtS, OP.if, TYPE.void, OP.unreachable, OP.end)

/** The types of the helpers, which are added behind the module's own. */
export const HELPER_TYPES: readonly Uint8Array[] = [
  Uint8Array.of(TYPE.function, 1, TYPE.i32, 0), // (i32) -> ()
  Uint8Array.of(TYPE.function, 0, 1, TYPE.i32), // () -> i32
  Uint8Array.of(TYPE.function, 1, TYPE.i32, 1, TYPE.i32), // (i32) -> i32
]

interface Helper {
  /** Among HELPER_TYPES. */
  readonly type: number
  /** Its code; `global` is the counter. */
  write(code: Writer, global: number): void
}

/** In the order of their indices. */
export const HELPERS: readonly Helper[] = [
  {
    type: 0,
    write(code, global) {
      code.bytes(Uint8Array.of(OP.localGet, 0, OP.globalSet))
      code.u32(global)
    },
  },
  {
    type: 1,
    write(code, global) {
      code.byte(OP.globalGet)
      code.u32(global)
    },
  },
  // fuel -= (n >>> 4) + 16
  paying((code) => code.bytes(Uint8Array.of(OP.i32Const, 4, OP.i32ShrU, OP.i32Const, 16))),
  // fuel -= ((n & 0xffff) << 6) + GROW_COST
  paying((code) => {
    code.byte(OP.i32Const)
    code.s32(0xffff)
    code.bytes(Uint8Array.of(OP.i32And, OP.i32Const, 6, OP.i32Shl, OP.i32Const))
    code.s32(GROW_COST)
  }),
  // fuel -= ((n & 0xffffff) << 6) + 16. More than 2^24 elements no table has, so that the instruction traps.
  paying((code) => {
    code.byte(OP.i32Const)
    code.s32(0xffffff)
    code.bytes(Uint8Array.of(OP.i32And, OP.i32Const, 6, OP.i32Shl, OP.i32Const, 16))
  }),
]

/** Index among HELPERS, as is the next. */
export const SET_FUEL = 0
export const GET_FUEL = 1
/** Which of them pays for what, by what is to be inserted. */
export const PAYS: Readonly<Record<number, number>> = { [INSERT.bulk]: 2, [INSERT.grow]: 3, [INSERT.elements]: 4 }

/** `terms` makes of the operand the two numbers whose sum is the price. */
function paying(terms: (code: Writer) => void): Helper {
  return {
    type: 2,
    write(code, global) {
      code.byte(OP.globalGet)
      code.u32(global)
      code.bytes(Uint8Array.of(OP.localGet, 0))
      terms(code)
      code.bytes(Uint8Array.of(OP.i32Add, OP.i32Sub, OP.globalSet))
      code.u32(global)
      code.byte(OP.globalGet)
      code.u32(global)
      code.bytes(TRAP_BELOW_ZERO)
      code.bytes(Uint8Array.of(OP.localGet, 0))
    },
  }
}

/** Writes their bodies into the code section. */
export function writeHelpers(out: Writer, global: number): void {
  for (const helper of HELPERS) {
    out.sized((code) => {
      code.byte(0) // no locals
      helper.write(code, global)
      code.byte(OP.end)
    })
  }
}
