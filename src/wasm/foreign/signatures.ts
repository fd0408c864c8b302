import { createPrivateKey, createPublicKey, sign as cryptoSign, type KeyObject, verify } from 'node:crypto'
import { STATUS } from '../abi/constants.ts'
import type { Vm } from '../vm.ts'
import { BinaryWriter, readFlat } from './wire.ts'

/** Envoy's names, and OpenSSL's. */
const HASHES: ReadonlySet<string> = new Set(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])
/** A verification costs as much as some thousand host calls, a signature with a long key ten times that. */
const VERIFY_COST = 3000
const SIGN_COST = 30_000
/** Enough for RSA with 4096 bits; what a key costs grows with the third power of its length. */
const LONGEST_KEY = 4096

/** verify_signature: {hash_function 1, public_key 2 DER, signature 3, text 4, public_key_pem 5} -> {result 1, error 2}. */
export function verifySignature(vm: Vm, args: Buffer): Uint8Array | number {
  vm.spend(VERIFY_COST + (args.length >>> 4))
  const message = readFlat(args)
  if (message === undefined || message.bytes(2).length > 0 === message.bytes(5).length > 0) return STATUS.badArgument
  const hash = message.text(1).toLowerCase()
  if (!HASHES.has(hash)) return verdict(false, `${message.text(1)} is not supported.`)
  if (message.bytes(2).length > LONGEST_KEY || message.bytes(5).length > LONGEST_KEY)
    return verdict(false, 'Key too long.')
  let key: KeyObject
  try {
    key =
      message.bytes(2).length > 0
        ? createPublicKey({ key: Buffer.from(message.bytes(2)), format: 'der', type: 'spki' })
        : createPublicKey(message.text(5))
  } catch {
    return verdict(false, 'Failed to parse public key.')
  }
  try {
    const good = verify(hash, message.bytes(4), key, message.bytes(3))
    return verdict(good, good ? '' : 'Failed to verify digital signature.')
  } catch (error) {
    return verdict(false, (error as Error).message)
  }
}

/** sign: {hash_function 1, private_key 2 DER, text 3, private_key_pem 4} -> {result 1, signature 2, error 3}. */
export function sign(vm: Vm, args: Buffer): Uint8Array | number {
  vm.spend(SIGN_COST + (args.length >>> 4))
  const message = readFlat(args)
  if (message === undefined || message.bytes(2).length > 0 === message.bytes(4).length > 0) return STATUS.badArgument
  const hash = message.text(1).toLowerCase()
  if (!HASHES.has(hash)) return signed(undefined, `${message.text(1)} is not supported.`)
  if (message.bytes(2).length > LONGEST_KEY || message.bytes(4).length > LONGEST_KEY)
    return signed(undefined, 'Key too long.')
  let key: KeyObject
  try {
    key =
      message.bytes(2).length > 0
        ? createPrivateKey({ key: Buffer.from(message.bytes(2)), format: 'der', type: 'pkcs8' })
        : createPrivateKey(message.text(4))
  } catch {
    return signed(undefined, 'Failed to parse private key.')
  }
  try {
    return signed(cryptoSign(hash, message.bytes(3), key), '')
  } catch (error) {
    return signed(undefined, (error as Error).message)
  }
}

function verdict(result: boolean, error: string): Uint8Array {
  const out = new BinaryWriter()
  if (result) out.uint32(8).bool(true)
  if (error !== '') out.uint32(18).string(error)
  return out.finish()
}

function signed(signature: Buffer | undefined, error: string): Uint8Array {
  const out = new BinaryWriter()
  if (signature !== undefined) out.uint32(8).bool(true).uint32(18).bytes(signature)
  if (error !== '') out.uint32(26).string(error)
  return out.finish()
}
