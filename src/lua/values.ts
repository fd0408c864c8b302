/** Lua values to JavaScript's and back. Lua strings are bytes; here they are latin1 strings, as headers are everywhere. */
import type { LuaState } from 'fengari'
import { lua, to_luastring } from './interpreter.ts'

/** What is not there is no value in Envoy's API, rather than nil, which only functions of C can tell apart: `tostring()` fails. */
export const NO_VALUE = 0

/** Pushes a byte string (one character per byte). */
export function pushText(L: LuaState, text: string): void {
  const bytes = Buffer.from(text, 'latin1')
  lua.lua_pushlstring(L, bytes, bytes.length)
}

/** Pushes bytes as a string of Lua, which may hold any. */
export function pushBytes(L: LuaState, bytes: Uint8Array): void {
  lua.lua_pushlstring(L, bytes, bytes.length)
}

/** The text of a string or number at `index`; `undefined` for anything else. */
export function textAt(L: LuaState, index: number): string | undefined {
  const type = lua.lua_type(L, index)
  if (type !== lua.LUA_TSTRING && type !== lua.LUA_TNUMBER) return undefined
  const bytes = lua.lua_tolstring(L, index)
  return bytes === null ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice()
}

/** As `textAt`, but a wrong type is an error of the script. */
export function needText(L: LuaState, index: number, what: string): string {
  const text = textAt(L, index)
  if (text === undefined) throwLua(L, `bad argument #${index - 1} (${what} expected)`)
  return text
}

/** A number, or a string that is one. */
export function needNumber(L: LuaState, index: number): number {
  if (!lua.lua_isnumber(L, index)) throwLua(L, `bad argument #${index - 1} (number expected)`)
  return lua.lua_tonumber(L, index)
}

/** As `needNumber`; a fraction is cut off. */
export function needInt(L: LuaState, index: number): number {
  return Math.trunc(needNumber(L, index))
}

/** As `needText`, but it may be left out. */
export function textOr(L: LuaState, index: number, otherwise: string): string {
  return isGiven(L, index) ? needText(L, index, 'string') : otherwise
}

/** Neither nil nor left out. */
export function isGiven(L: LuaState, index: number): boolean {
  return lua.lua_type(L, index) > lua.LUA_TNIL
}

/** Ends the script's call with an error that `pcall` can catch. */
export function throwLua(L: LuaState, message: string): never {
  pushText(L, message)
  return lua.lua_error(L)
}

/** JSON values as Lua values. */
export function pushJson(L: LuaState, value: unknown, depth = 0): void {
  if (typeof value === 'string') pushText(L, Buffer.from(value).latin1Slice())
  else if (typeof value === 'number') lua.lua_pushnumber(L, value)
  else if (typeof value === 'boolean') lua.lua_pushboolean(L, value)
  else if (Array.isArray(value) && depth < MAX_DEPTH) {
    lua.lua_newtable(L)
    value.forEach((item, i) => {
      pushJson(L, item, depth + 1)
      lua.lua_rawseti(L, -2, i + 1)
    })
  } else if (value !== null && typeof value === 'object' && depth < MAX_DEPTH) {
    lua.lua_newtable(L)
    for (const [key, item] of Object.entries(value)) {
      pushJson(L, item, depth + 1)
      lua.lua_setfield(L, -2, to_luastring(key))
    }
  } else lua.lua_pushnil(L)
}

/** Tables may contain themselves. */
const MAX_DEPTH = 16

/** A Lua value as JSON, by Envoy's rules: a table whose keys are whole numbers is a list, else it has to have strings for keys. */
export function jsonAt(L: LuaState, index: number, depth = 0): unknown {
  switch (lua.lua_type(L, index)) {
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, index)
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(L, index)
    case lua.LUA_TSTRING:
      return Buffer.from(textAt(L, index) ?? '', 'latin1').toString('utf8')
    case lua.LUA_TTABLE:
      return depth < MAX_DEPTH ? tableAt(L, index, depth) : null
    case lua.LUA_TNIL:
      return null
    default:
      return throwLua(L, 'only nil, booleans, numbers, strings and tables can be metadata')
  }
}

function tableAt(L: LuaState, index: number, depth: number): unknown {
  let isList = true
  let allStrings = true
  const entries = pairsAt(L, index, (at) => {
    const isNumber = lua.lua_type(L, at - 1) === lua.LUA_TNUMBER
    const key = isNumber ? lua.lua_tonumber(L, at - 1) : 0
    isList &&= key >= 1 && Number.isInteger(key)
    allStrings &&= lua.lua_type(L, at - 1) === lua.LUA_TSTRING
    return jsonAt(L, at, depth + 1)
  })
  if (entries.length > 0 && isList) return listOf(L, entries)
  if (!allStrings) throwLua(L, 'a table with keys that are no strings is no metadata, unless they are 1, 2, 3 …')
  return Object.fromEntries(entries)
}

/** What is missing between is null. */
function listOf(L: LuaState, entries: readonly (readonly [string, unknown])[]): unknown[] {
  const list: unknown[] = []
  for (const [key, value] of entries) {
    if (Number(key) > MAX_LIST) throwLua(L, `a list of more than ${MAX_LIST} values is no metadata`)
    list[Number(key) - 1] = value
  }
  return Array.from(list, (value) => value ?? null)
}

/** One key may be a billion. */
const MAX_LIST = 10_000

/** The pairs of a table, in the order of `next`. */
function pairsAt<T>(L: LuaState, index: number, read: (index: number) => T): [string, T][] {
  const table = index < 0 ? lua.lua_gettop(L) + index + 1 : index
  const result: [string, T][] = []
  lua.lua_pushnil(L)
  while (lua.lua_next(L, table) !== 0) {
    const key = lua.lua_type(L, -2) === lua.LUA_TNUMBER ? String(lua.lua_tonumber(L, -2)) : textAt(L, -2)
    if (key !== undefined) result.push([key, read(lua.lua_gettop(L))])
    lua.lua_pop(L, 1)
  }
  return result
}

/** Headers from a table: a value is a string or a list of strings. */
export function headersAt(L: LuaState, index: number): [string, string][] {
  const headers: [string, string][] = []
  for (const [name, values] of pairsAt(L, index, (at) => headerValues(L, at))) {
    for (const value of values) headers.push([name.toLowerCase(), value])
  }
  return headers
}

function headerValues(L: LuaState, index: number): string[] {
  if (lua.lua_type(L, index) !== lua.LUA_TTABLE) return [needHeader(L, index)]
  return pairsAt(L, index, (at) => needHeader(L, at)).map(([, value]) => value)
}

function needHeader(L: LuaState, index: number): string {
  return textAt(L, index) ?? throwLua(L, 'a header is a string')
}
