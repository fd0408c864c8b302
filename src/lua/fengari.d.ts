/** The part of fengari that Sluice uses; the package ships no types. Names are those of Lua's C API. */
declare module 'fengari' {
  export type LuaState = { readonly __lua: unique symbol }
  export type LuaFunction = (L: LuaState) => number

  export const lua: {
    readonly LUA_OK: number
    readonly LUA_YIELD: number
    readonly LUA_MULTRET: number
    readonly LUA_REGISTRYINDEX: number
    readonly LUA_MASKCOUNT: number
    readonly LUA_TNONE: number
    readonly LUA_TNIL: number
    readonly LUA_TBOOLEAN: number
    readonly LUA_TNUMBER: number
    readonly LUA_TSTRING: number
    readonly LUA_TTABLE: number
    readonly LUA_TFUNCTION: number
    lua_newthread(L: LuaState): LuaState
    lua_resume(L: LuaState, from: LuaState | null, nargs: number): number
    lua_yield(L: LuaState, nresults: number): number
    lua_pcall(L: LuaState, nargs: number, nresults: number, handler: number): number
    lua_error(L: LuaState): never
    lua_sethook(L: LuaState, hook: ((L: LuaState, ar: unknown) => void) | null, mask: number, count: number): void
    lua_gettop(L: LuaState): number
    lua_settop(L: LuaState, index: number): void
    lua_pop(L: LuaState, count: number): void
    lua_xmove(from: LuaState, to: LuaState, count: number): void
    lua_pushvalue(L: LuaState, index: number): void
    lua_type(L: LuaState, index: number): number
    lua_pushnil(L: LuaState): void
    lua_pushboolean(L: LuaState, value: boolean): void
    lua_pushnumber(L: LuaState, value: number): void
    lua_pushinteger(L: LuaState, value: number): void
    lua_pushlstring(L: LuaState, bytes: Uint8Array, length: number): Uint8Array
    lua_pushcfunction(L: LuaState, fn: LuaFunction): void
    lua_toboolean(L: LuaState, index: number): boolean
    lua_tonumber(L: LuaState, index: number): number
    lua_isinteger(L: LuaState, index: number): boolean
    lua_isnumber(L: LuaState, index: number): boolean
    lua_tolstring(L: LuaState, index: number): Uint8Array | null
    lua_newtable(L: LuaState): void
    lua_rawseti(L: LuaState, index: number, n: number): void
    lua_rawgeti(L: LuaState, index: number, n: number): number
    lua_setfield(L: LuaState, index: number, key: Uint8Array): void
    lua_getfield(L: LuaState, index: number, key: Uint8Array): number
    lua_setglobal(L: LuaState, name: Uint8Array): void
    lua_getglobal(L: LuaState, name: Uint8Array): number
    lua_next(L: LuaState, index: number): number
    lua_newuserdata(L: LuaState, size: number): { data?: unknown }
    lua_touserdata(L: LuaState, index: number): { data?: unknown } | null
    lua_close(L: LuaState): void
  }

  export const lauxlib: {
    luaL_newstate(): LuaState
    luaL_loadbuffer(L: LuaState, bytes: Uint8Array, size: number, name: Uint8Array): number
    luaL_requiref(L: LuaState, name: Uint8Array, open: LuaFunction, global: number): void
    luaL_newmetatable(L: LuaState, name: Uint8Array): boolean
    luaL_setmetatable(L: LuaState, name: Uint8Array): void
    luaL_error(L: LuaState, format: Uint8Array, ...args: unknown[]): never
    luaL_ref(L: LuaState, table: number): number
    luaL_unref(L: LuaState, table: number, ref: number): void
  }

  export const lualib: {
    luaopen_base: LuaFunction
    luaopen_string: LuaFunction
    luaopen_table: LuaFunction
    luaopen_math: LuaFunction
    luaopen_coroutine: LuaFunction
    luaopen_utf8: LuaFunction
    luaopen_os: LuaFunction
  }

  export function to_luastring(text: string, cache?: boolean): Uint8Array
  export function to_jsstring(bytes: Uint8Array): string

  const fengari: {
    readonly lua: typeof lua
    readonly lauxlib: typeof lauxlib
    readonly lualib: typeof lualib
    readonly to_luastring: typeof to_luastring
    readonly to_jsstring: typeof to_jsstring
  }
  export default fengari
}
