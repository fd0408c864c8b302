import { CALLBACKS, type CallbackName } from '../abi/signatures.ts'
import type { Limits } from '../limits.ts'
import { OP, TYPE } from './opcodes.ts'
import { type ModuleShape, signatureOf } from './sections.ts'
import type { Writer } from './writer.ts'

/**
 * The host's way into a callback is a function that the rewriting adds. It sets the fuel and calls the callback, which costs less than
 * a call of the host's to set it. What the module itself calls is the callback, so it cannot give itself fuel.
 *
 * The result is that of the callback, or 0, with the bit LONG_BIT turned over where the callback has used more than LONG_FUEL. So one of the
 * four numbers from 2^30 on, which stand for nothing in the ABI, is read as the number less 2^30 when it comes after long.
 */
export interface CallbackEntry {
  readonly name: CallbackName
  /** The index of the callback. */
  readonly target: number
  readonly parameters: number
  readonly hasResult: boolean
}

/** Says in the result of an entry that the callback was long. */
export const LONG_BIT = 1 << 30
/** Some tens of microseconds: less does not matter to a clock of milliseconds. */
const LONG_FUEL = 50_000

const STARTS: ReadonlySet<string> = new Set<CallbackName>(['proxy_on_vm_start', 'proxy_on_configure'])

/** Less fuel than this is left by a callback that was long. */
export function longBelow(name: CallbackName, limits: Limits): number {
  return fuelOf(name, limits) - LONG_FUEL
}

/** An entry for each callback that the module exports. */
export function callbackEntries(shape: ModuleShape): CallbackEntry[] {
  const entries: CallbackEntry[] = []
  for (const { name, kind, index } of shape.exports) {
    if (kind !== 'function' || !Object.hasOwn(CALLBACKS, name)) continue
    const [parameters, results] = signatureOf(shape, index).split('>')
    entries.push({
      name: name as CallbackName,
      target: index,
      parameters: parameters.length,
      hasResult: results !== '',
    })
  }
  return entries
}

function fuelOf(name: CallbackName, limits: Limits): number {
  return STARTS.has(name) ? limits.startFuel : limits.callbackFuel
}

/** Its type: all parameters are i32, and there is a result. */
export function writeEntryType(out: Writer, { parameters }: CallbackEntry): void {
  out.byte(TYPE.function)
  out.u32(parameters)
  for (let i = 0; i < parameters; i++) out.byte(TYPE.i32)
  out.bytes(Uint8Array.of(1, TYPE.i32))
}

/** The body; `global` is the counter. */
export function writeEntry(out: Writer, entry: CallbackEntry, global: number, limits: Limits): void {
  const { name, target, parameters, hasResult } = entry
  out.byte(0) // no locals
  constant(out, fuelOf(name, limits))
  if (name === 'proxy_on_context_create') {
    // The plugin's own context, which has no parent, belongs to the start.
    constant(out, limits.startFuel)
    out.bytes(Uint8Array.of(OP.localGet, 1, OP.select))
  }
  out.byte(OP.globalSet)
  out.u32(global)
  for (let i = 0; i < parameters; i++) out.bytes(Uint8Array.of(OP.localGet, i))
  out.byte(OP.call)
  out.u32(target)
  if (!hasResult) constant(out, 0)
  out.byte(OP.globalGet)
  out.u32(global)
  constant(out, longBelow(name, limits))
  out.byte(OP.i32LtS) // 1 or 0
  constant(out, Math.log2(LONG_BIT))
  out.bytes(Uint8Array.of(OP.i32Shl, OP.i32Xor, OP.end))
}

function constant(out: Writer, value: number): void {
  out.byte(OP.i32Const)
  out.s32(value)
}
