import { BodyBuffer } from '../../base/body-buffer.ts'
import { BUFFER, STATUS } from '../abi/constants.ts'
import { checkSlots, giveBytes, giveNothing, takeBytes } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** Bodies, configurations and the answers to calls. */
export const bufferFunctions: HostFunctionTable = {
  proxy_get_buffer_bytes: (vm) => {
    const self = (type: number, start: number, max: number, pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) {
        return vm.intercept('proxy_get_buffer_bytes', self, type, start, max, pointerSlot, sizeSlot)
      }
      vm.spend(1)
      const pointerAt = pointerSlot >>> 0
      const sizeAt = sizeSlot >>> 0
      if (checkSlots(vm, pointerAt, sizeAt) !== STATUS.ok) return STATUS.invalidMemoryAccess
      if (type >>> 0 > BUFFER.foreignFunctionArguments) return STATUS.badArgument
      const buffer = vm.current?.buffer(type)
      if (buffer === undefined) return STATUS.notFound
      const from = start >>> 0
      if (from + (max >>> 0) > 0xffffffff) return STATUS.badArgument
      const length = Math.min(max >>> 0, buffer.length - from)
      if (length <= 0) return giveNothing(vm, pointerAt, sizeAt)
      if (!(buffer instanceof BodyBuffer)) return giveBytes(vm, buffer.subarray(from, from + length), pointerAt, sizeAt)
      vm.spend(length >>> 6)
      const at = vm.allocate(length)
      buffer.copyTo(vm.memory, at, from, length)
      vm.view.setUint32(pointerAt, at, true)
      vm.view.setUint32(sizeAt, length, true)
      return STATUS.ok
    }
    return self
  },

  proxy_set_buffer_bytes: (vm) => {
    const self = (type: number, start: number, size: number, pointer: number, length: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_set_buffer_bytes', self, type, start, size, pointer, length)
      vm.spend(1)
      if (!vm.holds(pointer >>> 0, length >>> 0)) return STATUS.invalidMemoryAccess
      if (type >>> 0 > BUFFER.foreignFunctionArguments) return STATUS.badArgument
      const buffer = vm.current?.buffer(type)
      if (buffer === undefined) return STATUS.notFound
      if (!(buffer instanceof BodyBuffer)) return STATUS.badArgument
      if (buffer.length + (length >>> 0) > vm.limits.bodyBytes) return STATUS.internalFailure
      return edit(buffer, start >>> 0, size >>> 0, takeBytes(vm, pointer >>> 0, length >>> 0))
    }
    return self
  },

  proxy_get_buffer_status: (vm) => {
    const self = (type: number, sizeSlot: number, flagsSlot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_buffer_status', self, type, sizeSlot, flagsSlot)
      vm.spend(1)
      if (checkSlots(vm, sizeSlot >>> 0, flagsSlot >>> 0) !== STATUS.ok) return STATUS.invalidMemoryAccess
      if (type >>> 0 > BUFFER.foreignFunctionArguments) return STATUS.badArgument
      const buffer = vm.current?.buffer(type)
      if (buffer === undefined) return STATUS.notFound
      vm.view.setUint32(sizeSlot >>> 0, buffer.length, true)
      vm.view.setUint32(flagsSlot >>> 0, 0, true)
      return STATUS.ok
    }
    return self
  },
}

/** Envoy's Buffer::copyFrom: replace, prepend, replace the head, append; nothing in the middle. */
function edit(buffer: BodyBuffer, start: number, size: number, data: Buffer): number {
  if (start === 0) {
    if (size >= buffer.length) buffer.replace(data)
    else {
      buffer.drain(size)
      buffer.prepend(data)
    }
    return STATUS.ok
  }
  if (start < buffer.length) return STATUS.badArgument
  buffer.add(data)
  return STATUS.ok
}
