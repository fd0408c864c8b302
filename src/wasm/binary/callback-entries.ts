import { CALLBACKS, type CallbackName } from '../abi/signatures.ts'
import type { Limits } from '../limits.ts'
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

export const LONG_BIT = 1 << 30
/** Some tens of microseconds: less does not matter to a clock of milliseconds. */
const LONG_FUEL = 50_000

const STARTS: ReadonlySet<string> = new Set<CallbackName>(['proxy_on_vm_start', 'proxy_on_configure'])

/** Less fuel than this is left by a callback that was long. */
export function longBelow(name: CallbackName, limits: Limits): number {
  return fuelOf(name, limits) - LONG_FUEL
}

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

const I32 = 0x7f

export function writeEntryType(out: Writer, { parameters }: CallbackEntry): void {
  out.byte(0x60)
  out.u32(parameters)
  for (let i = 0; i < parameters; i++) out.byte(I32)
  out.bytes(Uint8Array.of(1, I32))
}

/** The body; `global` is the counter. */
export function writeEntry(out: Writer, entry: CallbackEntry, global: number, limits: Limits): void {
  const { name, target, parameters, hasResult } = entry
  out.byte(0) // no locals
  constant(out, fuelOf(name, limits))
  if (name === 'proxy_on_context_create') {
    // The plugin's own context, which has no parent, belongs to the start.
    constant(out, limits.startFuel)
    out.bytes(Uint8Array.of(0x20, 1, 0x1b)) // local.get 1, select
  }
  out.byte(0x24)
  out.u32(global)
  for (let i = 0; i < parameters; i++) out.bytes(Uint8Array.of(0x20, i))
  out.byte(0x10)
  out.u32(target)
  if (!hasResult) constant(out, 0)
  out.byte(0x23)
  out.u32(global)
  constant(out, longBelow(name, limits))
  out.byte(0x48) // i32.lt_s: 1 or 0
  constant(out, Math.log2(LONG_BIT))
  out.bytes(Uint8Array.of(0x74, 0x73, 0x0b)) // i32.shl, i32.xor, end
}

function constant(out: Writer, value: number): void {
  out.byte(0x41)
  out.s32(value)
}
