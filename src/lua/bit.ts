/** LuaJIT's `bit` library (https://bitop.luajit.org/api.html): operations on 32 bits, whose results are signed. */
import type { LuaState } from 'fengari'
import { lua, to_luastring } from './interpreter.ts'
import { setFunction } from './objects.ts'
import { needNumber, pushText } from './values.ts'

const SHIFTS: Readonly<Record<string, (value: number, by: number) => number>> = {
  lshift: (value, by) => value << by,
  rshift: (value, by) => value >>> by,
  arshift: (value, by) => value >> by,
  rol: (value, by) => (value << by) | (value >>> (32 - by)),
  ror: (value, by) => (value >>> by) | (value << (32 - by)),
}

const FOLDS: Readonly<Record<string, (a: number, b: number) => number>> = {
  band: (a, b) => a & b,
  bor: (a, b) => a | b,
  bxor: (a, b) => a ^ b,
}

/** Leaves LuaJIT's `bit` library on top of the stack (bitop.luajit.org), which scripts written for Envoy may use. */
export function openBit(L: LuaState): void {
  lua.lua_newtable(L)
  setOne(L, 'tobit', (value) => value)
  setOne(L, 'bnot', (value) => ~value)
  setOne(L, 'bswap', (value) => Buffer.from(Int32Array.of(value).buffer).readInt32BE())
  for (const [name, shift] of Object.entries(SHIFTS)) {
    setFunction(L, name, (state) => push(state, shift(bitsAt(state, 1), bitsAt(state, 2) & 31)))
  }
  for (const [name, fold] of Object.entries(FOLDS)) {
    setFunction(L, name, (state) => {
      let result = bitsAt(state, 1)
      for (let i = 2; i <= lua.lua_gettop(state); i++) result = fold(result, bitsAt(state, i))
      return push(state, result)
    })
  }
  setFunction(L, 'tohex', (state) => {
    const digits = lua.lua_gettop(state) < 2 ? 8 : bitsAt(state, 2)
    const hex = (bitsAt(state, 1) >>> 0).toString(16).padStart(8, '0')
    const cut = hex.slice(8 - Math.min(Math.abs(digits), 8))
    pushText(state, digits < 0 ? cut.toUpperCase() : cut)
    return 1
  })
  lua.lua_setglobal(L, to_luastring('bit'))
}

function setOne(L: LuaState, name: string, operation: (value: number) => number): void {
  setFunction(L, name, (state) => push(state, operation(bitsAt(state, 1))))
}

function push(L: LuaState, value: number): number {
  lua.lua_pushnumber(L, value | 0)
  return 1
}

/** Rounded to the nearest whole number, of which the lower 32 bits count. */
function bitsAt(L: LuaState, index: number): number {
  return Number(BigInt.asIntN(32, BigInt(Math.round(needNumber(L, index) || 0))))
}
