/** JavaScript objects with methods, as Lua sees them: userdata whose metatable finds the methods. */
import type { LuaFunction, LuaState } from 'fengari'
import { lauxlib, lua, to_luastring } from './interpreter.ts'
import { pushText, throwLua } from './values.ts'

/** `self` is the object; arguments stand from 2 on. Returns how many results it has pushed. */
export type Method<T> = (L: LuaState, self: T) => number

/** A kind of object, by name. */
export interface ObjectKind<T> {
  readonly name: string
  readonly methods: Readonly<Record<string, Method<T>>>
  /** What `pairs(object)` goes over. */
  readonly pairs?: (self: T, L: LuaState) => readonly (readonly [string, (L: LuaState) => void])[]
  /** Such a loop has come to its end. */
  readonly paired?: (self: T) => void
}

/** Makes the metatable of a kind in a new state. */
export function registerKind<T>(L: LuaState, kind: ObjectKind<T>): void {
  lauxlib.luaL_newmetatable(L, to_luastring(kind.name))
  lua.lua_newtable(L)
  for (const [name, method] of Object.entries(kind.methods)) {
    setFunction(L, name, (state) => method(state, selfOf<T>(state, kind.name)))
  }
  lua.lua_setfield(L, -2, to_luastring('__index'))
  // Envoy's objects have no name for `tostring` either.
  lua.lua_pushnil(L)
  lua.lua_setfield(L, -2, to_luastring('__name'))
  // Envoy gives the same object each time.
  setFunction(L, '__eq', (state) => {
    const [one, other] = [targetAt(state, 1), targetAt(state, 2)]
    lua.lua_pushboolean(state, one.kind === other.kind && one.self === other.self)
    return 1
  })
  const { pairs } = kind
  if (pairs !== undefined) {
    setFunction(L, '__pairs', (state) => {
      const self = selfOf<T>(state, kind.name)
      const list = pairs(self, state)
      let at = 0
      lua.lua_pushcfunction(state, (next) => {
        const entry = list[at++]
        if (entry === undefined) {
          kind.paired?.(self)
          lua.lua_pushnil(next)
          return 1
        }
        pushText(next, entry[0])
        entry[1](next)
        return 2
      })
      return 1
    })
  }
  // Scripts must not reach into the methods that all streams share.
  lua.lua_pushboolean(L, false)
  lua.lua_setfield(L, -2, to_luastring('__metatable'))
  lua.lua_pop(L, 1)
}

/** Pushes a userdata with the methods of its kind; the metatable must have been registered. */
export function pushObject<T>(L: LuaState, kind: ObjectKind<T>, self: T): void {
  lua.lua_newuserdata(L, 0).data = { kind: kind.name, self }
  lauxlib.luaL_setmetatable(L, to_luastring(kind.name))
}

function selfOf<T>(L: LuaState, kind: string): T {
  const data = lua.lua_touserdata(L, 1)?.data as { kind: string; self: T } | undefined
  if (data?.kind !== kind) return throwLua(L, `not a ${kind}; call methods with a colon`)
  return data.self
}

function targetAt(L: LuaState, index: number): { readonly kind?: string; readonly self?: unknown } {
  return lua.lua_touserdata(L, index)?.data ?? {}
}

/** Sets a field of the table on top of the stack. */
export function setFunction(L: LuaState, name: string, fn: LuaFunction): void {
  lua.lua_pushcfunction(L, fn)
  lua.lua_setfield(L, -2, to_luastring(name))
}
