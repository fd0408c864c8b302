/**
 * The Lua interpreter, loaded with the first script: it takes 2.5 MB of each thread, and most proxies run none. Who imports these
 * uses them after a `LuaVm` was made.
 */
import { createRequire } from 'node:module'
import type Fengari from 'fengari'
import { useDoubles } from './numbers.ts'
import { useListOrder } from './table-order.ts'

export let lua: (typeof Fengari)['lua']
export let lauxlib: (typeof Fengari)['lauxlib']
export let lualib: (typeof Fengari)['lualib']
export let to_luastring: (typeof Fengari)['to_luastring']

/** Loads it, once; what is exported above is there afterwards. */
export function loadInterpreter(): void {
  if (lua !== undefined) return
  const load = createRequire(import.meta.url)
  useDoubles(load)
  useListOrder(load)
  const fengari: typeof Fengari = load('fengari')
  lua = fengari.lua
  lauxlib = fengari.lauxlib
  lualib = fengari.lualib
  to_luastring = fengari.to_luastring
}
