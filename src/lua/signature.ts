/** `importPublicKey` and `verifySignature` of a stream handle: RSA signatures with PKCS #1 v1.5 padding, as Envoy's. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { LuaState } from 'fengari'
import { lua } from './interpreter.ts'
import { type ObjectKind, pushObject } from './objects.ts'
import { needInt, needText, pushText, throwLua } from './values.ts'

const HASHES = new Set(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])

/** A key, or none where the bytes were none; `get()` is what `verifySignature` takes. */
interface PublicKey {
  readonly key: KeyObject | undefined
}

/** What `importPublicKey` gives; `get` is nil of a key that cannot be read. */
export const PUBLIC_KEY: ObjectKind<PublicKey> = {
  name: 'public key',
  methods: {
    get(L, self) {
      if (self.key === undefined) lua.lua_pushnil(L)
      else pushObject(L, PUBLIC_KEY, self)
      return 1
    },
  },
}

/** The bytes of a DER key (SubjectPublicKeyInfo) and their length. */
export function importPublicKey(L: LuaState): number {
  pushObject(L, PUBLIC_KEY, { key: keyOf(bytesAt(L, 2)) })
  return 1
}

function keyOf(der: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'rsa' ? key : undefined
  } catch {
    return undefined
  }
}

/** Hash, key, signature and data, each of these two with its length; true, or false and why. */
export function verifySignature(L: LuaState): number {
  const hash = needText(L, 2, 'string')
  const given = (lua.lua_touserdata(L, 3)?.data as { self?: PublicKey } | undefined)?.self
  if (given === undefined) throwLua(L, 'bad argument #2 (public key expected)')
  const { key } = given
  const problem = problemOf(hash.toLowerCase(), hash, key, bytesAt(L, 4), bytesAt(L, 6))
  lua.lua_pushboolean(L, problem === undefined)
  if (problem === undefined) lua.lua_pushnil(L)
  else pushText(L, problem)
  return 2
}

function problemOf(
  hash: string,
  name: string,
  key: KeyObject | undefined,
  signature: Buffer,
  data: Buffer,
): string | undefined {
  if (key === undefined) return 'Failed to initialize digest verify.'
  if (!HASHES.has(hash)) return `${name} is not supported.`
  return verify(hash, data, key, signature) ? undefined : 'Failed to verify digest. Error code: 0'
}

/** A string, as much of it as the number behind it says. */
function bytesAt(L: LuaState, index: number): Buffer {
  return Buffer.from(needText(L, index, 'string'), 'latin1').subarray(0, needInt(L, index + 1))
}
