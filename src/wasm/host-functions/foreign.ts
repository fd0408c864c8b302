import { STATUS } from '../abi/constants.ts'
import { FOREIGN_FUNCTIONS } from '../foreign/functions.ts'
import { checkSlots, giveBytes, takeBytes, takeString } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** `proxy_call_foreign_function`. */
export const foreignFunctions: HostFunctionTable = {
  proxy_call_foreign_function: (vm) => {
    const self = (
      name: number,
      nameSize: number,
      args: number,
      argsSize: number,
      pointerSlot: number,
      sizeSlot: number,
    ): number => {
      if (vm.special !== 0) {
        const a = [name, nameSize, args, argsSize, pointerSlot, sizeSlot]
        return vm.intercept('proxy_call_foreign_function', self, ...a)
      }
      vm.spend(10)
      if (!vm.holds(name >>> 0, nameSize >>> 0) || !vm.holds(args >>> 0, argsSize >>> 0)) {
        return STATUS.invalidMemoryAccess
      }
      if (checkSlots(vm, pointerSlot >>> 0, sizeSlot >>> 0) !== STATUS.ok) return STATUS.invalidMemoryAccess
      if (nameSize >>> 0 > 256 || argsSize >>> 0 > vm.limits.bodyBytes) return STATUS.notFound
      const fn = FOREIGN_FUNCTIONS.get(takeString(vm, name >>> 0, nameSize >>> 0))
      if (fn === undefined) return STATUS.notFound
      const result = fn(vm, takeBytes(vm, args >>> 0, argsSize >>> 0))
      return typeof result === 'number' ? result : giveBytes(vm, result, pointerSlot >>> 0, sizeSlot >>> 0)
    }
    return self
  },
}
