import type { LuaState } from 'fengari'
import { SluiceError } from '../errors.ts'
import { KINDS, STREAM } from './api.ts'
import { openBit } from './bit.ts'
import type { LuaStreamHost } from './host.ts'
import { lauxlib, loadInterpreter, lua, lualib, to_luastring } from './interpreter.ts'
import { pushObject, registerKind } from './objects.ts'
import { pushText, textAt } from './values.ts'

/** A handler that runs longer than this between two waits is stopped: it holds up every other request of the worker. */
const MAX_INSTRUCTIONS = 1_000_000

/** What Envoy's Lua 5.1 has and 5.3 renamed. */
const SHIMS = `
unpack = table.unpack
loadstring = load
table.getn = function(t) return #t end
table.maxn = function(t)
  local max = 0
  for key in pairs(t) do if type(key) == "number" and key > max then max = key end end
  return max
end
math.pow = function(a, b) return a ^ b end
math.log10 = function(a) return math.log(a, 10) end
math.ldexp = math.ldexp or function(m, e) return m * 2 ^ e end
string.gfind = string.gmatch
_VERSION = "Lua 5.1"
local date, time = os.date, os.time
os.date = function(format, at)
  if format == nil or format:sub(1, 1) ~= "!" or format:sub(2, 3) == "*t" then return date(format, at) end
  return date(format:sub(2), time(date("!*t", at)))
end
os = { time = os.time, date = os.date, clock = os.clock, difftime = os.difftime }
collectgarbage = function() return 0 end
EnvoyTimestampResolution = { MILLISECOND = 0, MICROSECOND = 1 }
`

/** Nothing of these may be used to reach the machine or other scripts. */
const REMOVED = ['dofile', 'loadfile']

/** One script in one Lua state, and the coroutines in which it handles streams. */
export class LuaVm {
  readonly #L: LuaState
  readonly hasRequest: boolean
  readonly hasResponse: boolean

  /** Throws when the script does not compile or its first run fails. */
  constructor(code: string, name = 'script') {
    loadInterpreter()
    const L = lauxlib.luaL_newstate()
    this.#L = L
    const open = {
      _G: lualib.luaopen_base,
      string: lualib.luaopen_string,
      table: lualib.luaopen_table,
      math: lualib.luaopen_math,
      coroutine: lualib.luaopen_coroutine,
      utf8: lualib.luaopen_utf8,
      os: lualib.luaopen_os,
    }
    for (const [library, fn] of Object.entries(open)) {
      lauxlib.luaL_requiref(L, to_luastring(library), fn, 1)
      lua.lua_pop(L, 1)
    }
    for (const removed of REMOVED) {
      lua.lua_pushnil(L)
      lua.lua_setglobal(L, to_luastring(removed))
    }
    openBit(L)
    for (const kind of KINDS) registerKind(L, kind)
    this.#run(SHIMS, 'shims')
    this.#run(code, name)
    this.hasRequest = this.#isFunction('envoy_on_request')
    this.hasResponse = this.#isFunction('envoy_on_response')
  }

  /** A coroutine of `envoy_on_request` or `envoy_on_response` with its handle. */
  start(handler: 'envoy_on_request' | 'envoy_on_response', host: LuaStreamHost): LuaRun {
    const L = this.#L
    const thread = lua.lua_newthread(L)
    const anchor = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX)
    lua.lua_getglobal(thread, to_luastring(handler))
    const run = new LuaRun(L, thread, anchor)
    pushObject(thread, STREAM, { host, run })
    return run
  }

  close(): void {
    lua.lua_close(this.#L)
  }

  #run(code: string, name: string): void {
    const L = this.#L
    const bytes = Buffer.from(code)
    limit(L)
    const status =
      lauxlib.luaL_loadbuffer(L, bytes, bytes.length, to_luastring(`=${name}`)) || lua.lua_pcall(L, 0, 0, 0)
    if (status === lua.LUA_OK) return
    throw new SluiceError('SL5005', textAt(L, -1) ?? 'unknown error')
  }

  #isFunction(name: string): boolean {
    const type = lua.lua_getglobal(this.#L, to_luastring(name))
    lua.lua_pop(this.#L, 1)
    return type === lua.LUA_TFUNCTION
  }
}

/** What has become of a coroutine: `waiting` is for an answer, or for more of the stream. */
export type RunState = 'new' | 'waiting' | 'done' | 'failed'

/** One run of a handler. */
export class LuaRun {
  readonly #main: LuaState
  readonly #thread: LuaState
  readonly #anchor: number
  state: RunState = 'new'
  error = ''

  constructor(main: LuaState, thread: LuaState, anchor: number) {
    this.#main = main
    this.#thread = thread
    this.#anchor = anchor
  }

  /** Begins, or goes on after a wait; `push` puts what the wait returns on the stack and says how many values. */
  resume(push?: (L: LuaState) => number): RunState {
    if (this.state === 'done' || this.state === 'failed') return this.state
    const L = this.#thread
    const first = this.state === 'new'
    const count = first ? 1 : (push?.(L) ?? 0)
    limit(L)
    const status = lua.lua_resume(L, null, count)
    if (status === lua.LUA_YIELD) {
      this.state = 'waiting'
      return this.state
    }
    this.state = status === lua.LUA_OK ? 'done' : 'failed'
    if (status !== lua.LUA_OK) this.error = textAt(L, -1) ?? 'unknown error'
    this.#release()
    return this.state
  }

  /** Drops a coroutine that waits for what will not come. */
  cancel(): void {
    if (this.state !== 'waiting') return
    this.state = 'done'
    this.#release()
  }

  #release(): void {
    lauxlib.luaL_unref(this.#main, lua.LUA_REGISTRYINDEX, this.#anchor)
  }
}

function limit(L: LuaState): void {
  const stop = (state: LuaState): never => {
    pushText(state, `stopped after ${MAX_INSTRUCTIONS} instructions`)
    return lua.lua_error(state)
  }
  lua.lua_sethook(L, stop, lua.LUA_MASKCOUNT, MAX_INSTRUCTIONS)
}
