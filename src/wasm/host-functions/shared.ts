import { STATUS } from '../abi/constants.ts'
import { checkSlots, giveBytes, takeBytes, takeString, takeText } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** Names live in shared memory and count to no quota. */
const LONGEST_QUEUE_NAME = 1024

/** Shared data and queues. */
export const sharedFunctions: HostFunctionTable = {
  proxy_get_shared_data: (vm) => {
    const self = (key: number, keySize: number, pointerSlot: number, sizeSlot: number, casSlot: number): number => {
      if (vm.special !== 0) {
        return vm.intercept('proxy_get_shared_data', self, key, keySize, pointerSlot, sizeSlot, casSlot)
      }
      vm.spend(5)
      if (!vm.holds(key >>> 0, keySize >>> 0) || !vm.holds(casSlot >>> 0, 4)) return STATUS.invalidMemoryAccess
      if (checkSlots(vm, pointerSlot >>> 0, sizeSlot >>> 0) !== STATUS.ok) return STATUS.invalidMemoryAccess
      if (vm.current === undefined) return STATUS.badArgument
      const found = vm.services.shared.getData(vm.options.vmId, takeString(vm, key >>> 0, keySize >>> 0))
      if (found === undefined) return STATUS.notFound
      const given = giveBytes(vm, found.value, pointerSlot >>> 0, sizeSlot >>> 0)
      if (given === STATUS.ok) vm.view.setUint32(casSlot >>> 0, found.cas, true)
      return given
    }
    return self
  },

  proxy_set_shared_data: (vm) => {
    const self = (key: number, keySize: number, value: number, valueSize: number, cas: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_set_shared_data', self, key, keySize, value, valueSize, cas)
      vm.spend(5 + (valueSize >>> 6))
      if (!vm.holds(key >>> 0, keySize >>> 0) || !vm.holds(value >>> 0, valueSize >>> 0)) {
        return STATUS.invalidMemoryAccess
      }
      const from = value >>> 0
      const bytes = vm.memory.subarray(from, from + (valueSize >>> 0))
      return vm.services.shared.setData(vm.options.vmId, takeString(vm, key >>> 0, keySize >>> 0), bytes, cas >>> 0)
    }
    return self
  },

  proxy_register_shared_queue: (vm) => {
    const self = (name: number, nameSize: number, slot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_register_shared_queue', self, name, nameSize, slot)
      vm.spend(5)
      if (!vm.holds(name >>> 0, nameSize >>> 0) || !vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      if (vm.current === undefined || nameSize >>> 0 > LONGEST_QUEUE_NAME) return STATUS.badArgument
      const id = vm.current.root.registerQueue(takeString(vm, name >>> 0, nameSize >>> 0))
      if (id < 0) return -id
      vm.view.setUint32(slot >>> 0, id, true)
      return STATUS.ok
    }
    return self
  },

  proxy_resolve_shared_queue: (vm) => {
    const self = (vmId: number, vmIdSize: number, name: number, nameSize: number, slot: number): number => {
      if (vm.special !== 0) {
        return vm.intercept('proxy_resolve_shared_queue', self, vmId, vmIdSize, name, nameSize, slot)
      }
      vm.spend(5)
      if (!vm.holds(vmId >>> 0, vmIdSize >>> 0) || !vm.holds(name >>> 0, nameSize >>> 0)) {
        return STATUS.invalidMemoryAccess
      }
      if (!vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      const owner = vmIdSize === 0 ? vm.options.vmId : takeText(vm, vmId >>> 0, vmIdSize >>> 0)
      const id = vm.services.shared.resolveQueue(owner, takeString(vm, name >>> 0, nameSize >>> 0))
      if (id < 0) return -id
      vm.view.setUint32(slot >>> 0, id, true)
      return STATUS.ok
    }
    return self
  },

  proxy_enqueue_shared_queue: (vm) => {
    const self = (queue: number, value: number, valueSize: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_enqueue_shared_queue', self, queue, value, valueSize)
      vm.spend(5 + (valueSize >>> 6))
      if (!vm.holds(value >>> 0, valueSize >>> 0)) return STATUS.invalidMemoryAccess
      return vm.services.shared.enqueue(queue >>> 0, takeBytes(vm, value >>> 0, valueSize >>> 0))
    }
    return self
  },

  proxy_dequeue_shared_queue: (vm) => {
    const self = (queue: number, pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_dequeue_shared_queue', self, queue, pointerSlot, sizeSlot)
      vm.spend(5)
      // Before the value leaves the queue.
      if (checkSlots(vm, pointerSlot >>> 0, sizeSlot >>> 0) !== STATUS.ok) return STATUS.invalidMemoryAccess
      const value = vm.services.shared.dequeue(queue >>> 0)
      if (typeof value === 'number') return value
      return giveBytes(vm, value, pointerSlot >>> 0, sizeSlot >>> 0)
    }
    return self
  },
}
