/**
 * Numbers as in Lua 5.1, which Envoy's scripts are written for: all are doubles. The interpreter is a 5.3 whose integers have 32 bits,
 * so that 1000000 * 1000000 was -727379968; literals and what is read from a string become doubles, whole ones print without a fraction,
 * and where a library wants a whole number a fraction is cut off.
 */
import type { LuaState } from 'fengari'
import { generalText } from '../base/number-text.ts'

interface Value {
  readonly value: number
  ttisinteger(): boolean
  setfltvalue(value: number): void
}

interface Parts {
  readonly luaconf: { lua_number2str: (value: number) => string; LUA_COMPAT_FLOATSTRING: boolean }
  readonly lobject: { luaO_str2num: (text: Uint8Array, into: Value) => number }
  readonly lauxlib: {
    luaL_checknumber(L: LuaState, arg: number): number
    luaL_checkinteger: (L: LuaState, arg: number) => number
    luaL_optinteger: (L: LuaState, arg: number, otherwise: number) => number
  }
  readonly lua: { lua_type(L: LuaState, index: number): number }
}

/** Changes the interpreter's parts, in this order, before its libraries take their functions from them. */
export function useDoubles(load: (part: string) => unknown): void {
  const part = <Name extends keyof Parts>(name: Name) => load(`fengari/src/${name}.js`) as Parts[Name]
  // Its parts require each other in a circle, which has to be entered here.
  load('fengari/src/defs.js')
  const settings = part('luaconf')
  settings.lua_number2str = (value) => generalText(value, 14)
  settings.LUA_COMPAT_FLOATSTRING = true
  const { lua_type } = part('lua')
  const object = part('lobject')
  const read = object.luaO_str2num
  object.luaO_str2num = (text, into) => {
    const length = read(text, into)
    if (length > 0 && into.ttisinteger()) into.setfltvalue(hexAt(text) ?? into.value)
    return length
  }
  const auxiliary = part('lauxlib')
  const whole = (L: LuaState, arg: number) => Math.trunc(auxiliary.luaL_checknumber(L, arg))
  auxiliary.luaL_checkinteger = whole
  auxiliary.luaL_optinteger = (L, arg, otherwise) => (lua_type(L, arg) <= 0 ? otherwise : whole(L, arg))
}

/** A hexadecimal number, which the interpreter has cut to 32 bits. */
function hexAt(text: Uint8Array): number | undefined {
  const hex = /^\s*([+-]?)(0x[0-9a-f]+)\s*$/i.exec(Buffer.from(text).latin1Slice().replace(/\0$/, ''))
  return hex === null ? undefined : Number(hex[2]) * (hex[1] === '-' ? -1 : 1)
}
