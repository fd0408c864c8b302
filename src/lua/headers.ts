import type { LuaState } from 'fengari'
import type { HeaderMap } from '../base/header-map.ts'
import { lua } from './interpreter.ts'
import type { ObjectKind } from './objects.ts'
import { NO_VALUE, needInt, needText, pushText, throwLua } from './values.ts'

/** Headers or trailers as a script sees them: when they may be changed is Envoy's rule. */
export class LuaHeaders {
  readonly map: HeaderMap
  /** They have been given to the next filter. */
  fixed = false
  /** A `pairs` that has not come to its end. */
  iterating = false
  readonly #isRequest: boolean

  constructor(map: HeaderMap, isRequest = false) {
    this.map = map
    this.#isRequest = isRequest
  }

  /** Envoy knows the authority of a request by both names. */
  nameAt(L: LuaState): string {
    const name = needText(L, 2, 'string').toLowerCase()
    return this.#isRequest && name === 'host' ? ':authority' : name
  }

  needChangeable(L: LuaState): void {
    if (this.iterating) throwLua(L, 'header map cannot be modified while iterating')
    if (this.fixed) throwLua(L, 'header map can no longer be modified')
  }
}

/** `headers()` and `trailers()`. */
export const HEADERS: ObjectKind<LuaHeaders> = {
  name: 'headers',
  methods: {
    get(L, headers) {
      const values = headers.map.getAll(headers.nameAt(L))
      if (values.length === 0) return NO_VALUE
      pushText(L, values.join(','))
      return 1
    },
    getAtIndex(L, headers) {
      const value = headers.map.getAll(headers.nameAt(L))[needInt(L, 3)]
      if (value === undefined) return NO_VALUE
      pushText(L, value)
      return 1
    },
    getNumValues(L, headers) {
      lua.lua_pushnumber(L, headers.map.getAll(headers.nameAt(L)).length)
      return 1
    },
    add(L, headers) {
      headers.needChangeable(L)
      const [name, value] = pairOf(L, headers)
      const before = name.startsWith(':') ? headers.map.get(name) : undefined
      // There is one only of these; Envoy makes a list of them.
      if (before === undefined) headers.map.add(name, value)
      else if (value !== '') headers.map.set(name, `${before},${value}`)
      return 0
    },
    replace(L, headers) {
      headers.needChangeable(L)
      headers.map.set(...pairOf(L, headers))
      return 0
    },
    remove(L, headers) {
      headers.needChangeable(L)
      headers.map.remove(headers.nameAt(L))
      return 0
    },
    setHttp1ReasonPhrase(L, headers) {
      headers.needChangeable(L)
      const reason = needText(L, 2, 'string')
      if (/[^\t -~\x80-\xff]/.test(reason)) throwLua(L, 'a reason phrase cannot hold control characters')
      const { spelling } = headers.map
      headers.map.spelling = { of: spelling === undefined ? sameName : (name) => spelling.of(name), reason }
      return 0
    },
  },
  pairs(headers, L) {
    if (headers.iterating) throwLua(L, 'cannot create a second iterator before completing the first')
    headers.iterating = true
    return [...headers.map].map(([name, value]) => [name, (state) => pushText(state, value)] as const)
  },
  paired: (headers) => {
    headers.iterating = false
  },
}

function sameName(name: string): string {
  return name
}

/** Names and values that would end a header line are the script's mistake, not the codec's problem. */
function pairOf(L: LuaState, headers: LuaHeaders): [string, string] {
  const name = headers.nameAt(L)
  const value = needText(L, 3, 'string')
  if (!/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || /[\0\r\n]/.test(value)) throwLua(L, `invalid header «${name}»`)
  return [name, value]
}
