import { STATUS } from '../abi/constants.ts'
import { findProperty, propertyPaths } from '../attributes/property.ts'
import { isByteString, serialize } from '../attributes/serialize.ts'
import { checkSlots, giveBytes, giveString, takeBytes } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

const LONGEST_PATH = 4096

/** Attributes of the stream and the node. */
export const propertyFunctions: HostFunctionTable = {
  proxy_get_property: (vm) => {
    const self = (path: number, pathSize: number, pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_property', self, path, pathSize, pointerSlot, sizeSlot)
      vm.spend(2)
      if (!vm.holds(path >>> 0, pathSize >>> 0)) return STATUS.invalidMemoryAccess
      if (checkSlots(vm, pointerSlot >>> 0, sizeSlot >>> 0) !== STATUS.ok) return STATUS.invalidMemoryAccess
      if (vm.current === undefined) return STATUS.badArgument
      if (pathSize >>> 0 > LONGEST_PATH) return STATUS.notFound
      const parsed = propertyPaths.get(vm.memory, path >>> 0, pathSize >>> 0, vm.view)
      const value = parsed === undefined ? undefined : findProperty(vm.current, parsed)
      if (value === undefined) return STATUS.notFound
      if (typeof value === 'string' && isByteString(value))
        return giveString(vm, value, pointerSlot >>> 0, sizeSlot >>> 0)
      const bytes = serialize(value)
      if (bytes === undefined) return STATUS.serializationFailure
      return giveBytes(vm, bytes, pointerSlot >>> 0, sizeSlot >>> 0)
    }
    return self
  },

  proxy_set_property: (vm) => {
    const self = (path: number, pathSize: number, value: number, valueSize: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_set_property', self, path, pathSize, value, valueSize)
      vm.spend(2)
      if (!vm.holds(path >>> 0, pathSize >>> 0) || !vm.holds(value >>> 0, valueSize >>> 0)) {
        return STATUS.invalidMemoryAccess
      }
      const state = vm.current?.filterState
      // Without a stream there is nowhere to keep it.
      if (state === undefined) return STATUS.notFound
      if (pathSize >>> 0 > LONGEST_PATH) return STATUS.badArgument
      if (valueSize >>> 0 > vm.limits.propertyBytes) return STATUS.internalFailure
      const parsed = propertyPaths.get(vm.memory, path >>> 0, pathSize >>> 0, vm.view)
      if (parsed === undefined) return STATUS.badArgument
      const { key } = parsed
      const declared = vm.declared.get(key)
      if (declared?.readonly === true && state.get(key) !== undefined) return STATUS.badArgument
      const context = vm.current
      if (
        context !== undefined &&
        state.get(key) === undefined &&
        context.stateKeys++ >= vm.limits.declaredProperties
      ) {
        return STATUS.internalFailure
      }
      state.set(key, takeBytes(vm, value >>> 0, valueSize >>> 0))
      return STATUS.ok
    }
    return self
  },
}
