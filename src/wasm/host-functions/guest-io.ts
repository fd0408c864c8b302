import { STATUS } from '../abi/constants.ts'
import { pairsSize, writePairs } from '../abi/pairs.ts'
import { FEW_CHARACTERS } from '../string-giver.ts'
import type { Vm } from '../vm.ts'

/** Where a module's result goes: two slots of four bytes for pointer and length, which are checked before anything happens. */

/** Hands a byte string out. */
export function giveString(vm: Vm, text: string, pointerSlot: number, sizeSlot: number): number {
  const slots = checkSlots(vm, pointerSlot, sizeSlot)
  if (slots !== STATUS.ok) return slots
  const length = text.length
  if (length === 0) return giveNothing(vm, pointerSlot, sizeSlot)
  if (length <= FEW_CHARACTERS) {
    vm.giveText(text, length, pointerSlot, sizeSlot)
    return STATUS.ok
  }
  if (length > 63) vm.spend(length >>> 6)
  const at = vm.allocate(length)
  vm.memory.latin1Write(text, at, length)
  vm.view.setUint32(pointerSlot, at, true)
  vm.view.setUint32(sizeSlot, length, true)
  return STATUS.ok
}

/** Hands bytes out. */
export function giveBytes(vm: Vm, bytes: Uint8Array, pointerSlot: number, sizeSlot: number): number {
  const slots = checkSlots(vm, pointerSlot, sizeSlot)
  if (slots !== STATUS.ok) return slots
  if (bytes.length === 0) return giveNothing(vm, pointerSlot, sizeSlot)
  vm.spend(bytes.length >>> 6)
  const at = vm.allocate(bytes.length)
  vm.memory.set(bytes, at)
  vm.view.setUint32(pointerSlot, at, true)
  vm.view.setUint32(sizeSlot, bytes.length, true)
  return STATUS.ok
}

/** Hands pairs out; an empty map is no bytes, as in cpp-host. */
export function givePairs(vm: Vm, flat: readonly string[], pointerSlot: number, sizeSlot: number): number {
  const slots = checkSlots(vm, pointerSlot, sizeSlot)
  if (slots !== STATUS.ok) return slots
  if (flat.length === 0) return giveNothing(vm, pointerSlot, sizeSlot)
  const size = pairsSize(flat)
  vm.spend(size >>> 6)
  const at = vm.allocate(size)
  writePairs(flat, vm.memory, vm.view, at, vm.giver)
  vm.view.setUint32(pointerSlot, at, true)
  vm.view.setUint32(sizeSlot, size, true)
  return STATUS.ok
}

/** Whether the two places lie in the memory where a pointer and a size are to be written. */
export function checkSlots(vm: Vm, pointerSlot: number, sizeSlot: number): number {
  return vm.holds(Math.max(pointerSlot, sizeSlot), 4) ? STATUS.ok : STATUS.invalidMemoryAccess
}

/** Allocators may not be asked for nothing: that of the Go SDK panics. */
export function giveNothing(vm: Vm, pointerSlot: number, sizeSlot: number): number {
  vm.view.setUint32(pointerSlot, 0, true)
  vm.view.setUint32(sizeSlot, 0, true)
  return STATUS.ok
}

/** A copy of the module's bytes; the caller has checked the range. */
export function takeBytes(vm: Vm, pointer: number, length: number): Buffer {
  vm.spend(length >>> 6)
  const copy = Buffer.allocUnsafeSlow(length)
  vm.memory.copy(copy, 0, pointer, pointer + length)
  return copy
}

/** The module's bytes as a byte string; the caller has checked the range. */
export function takeString(vm: Vm, pointer: number, length: number): string {
  if (length > 63) vm.spend(length >>> 6)
  return vm.memory.latin1Slice(pointer, pointer + length)
}

/** The module's bytes as text in UTF-8; the caller has checked the range. */
export function takeText(vm: Vm, pointer: number, length: number): string {
  if (length > 63) vm.spend(length >>> 6)
  return vm.memory.utf8Slice(pointer, pointer + length)
}

/** Writes 64 bits, unsigned, from a whole number below 2^64. */
export function writeU64(vm: Vm, at: number, value: number): void {
  const high = Math.floor(value / 0x100000000)
  vm.view.setUint32(at, value - high * 0x100000000, true)
  vm.view.setUint32(at + 4, high, true)
}
