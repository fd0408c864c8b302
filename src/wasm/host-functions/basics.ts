import { BUFFER, LOG_LEVELS, STATUS } from '../abi/constants.ts'
import { giveBytes, giveString, writeU64 } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** Logs, time, ticks, the configuration, and which context is in force. */
export const basicFunctions: HostFunctionTable = {
  proxy_log: (vm) => {
    const self = (level: number, pointer: number, size: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_log', self, level, pointer, size)
      vm.spend(1)
      if (level >>> 0 >= LOG_LEVELS.length) return STATUS.badArgument
      const length = size >>> 0
      if (!vm.holds(pointer >>> 0, length)) return STATUS.invalidMemoryAccess
      if (level < vm.services.log.level) return STATUS.ok
      vm.log(level, pointer >>> 0, length)
      return STATUS.ok
    }
    return self
  },

  proxy_get_log_level: (vm) => {
    const self = (slot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_log_level', self, slot)
      vm.spend(1)
      if (!vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      vm.view.setUint32(slot >>> 0, vm.services.log.level, true)
      return STATUS.ok
    }
    return self
  },

  proxy_set_effective_context: (vm) => {
    const self = (id: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_set_effective_context', self, id)
      vm.spend(1)
      const context = vm.contexts.get(id >>> 0)
      if (context === undefined) return STATUS.badArgument
      vm.current = context
      return STATUS.ok
    }
    return self
  },

  proxy_done: (vm) => {
    const self = (): number => {
      if (vm.special !== 0) return vm.intercept('proxy_done', self)
      vm.spend(1)
      return vm.current?.finish() ?? STATUS.notFound
    }
    return self
  },

  proxy_get_current_time_nanoseconds: (vm) => {
    const self = (slot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_current_time_nanoseconds', self, slot)
      vm.spend(1)
      if (!vm.holds(slot >>> 0, 8)) return STATUS.invalidMemoryAccess
      writeU64(vm, slot >>> 0, Math.round(vm.services.clock.wallMs() * 1e6))
      return STATUS.ok
    }
    return self
  },

  proxy_set_tick_period_milliseconds: (vm) => {
    const self = (ms: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_set_tick_period_milliseconds', self, ms)
      vm.spend(1)
      vm.current?.root.setTick(ms >>> 0)
      return STATUS.ok
    }
    return self
  },

  /** 0.1.0: the plugin's configuration while it is configured, else the VM's. */
  proxy_get_configuration: (vm) => {
    const self = (pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_configuration', self, pointerSlot, sizeSlot)
      vm.spend(1)
      const root = vm.current?.root
      const type = root?.configuring === true ? BUFFER.pluginConfiguration : BUFFER.vmConfiguration
      const bytes = root?.buffer(type)
      if (!(bytes instanceof Uint8Array)) return STATUS.notFound
      return giveBytes(vm, bytes, pointerSlot >>> 0, sizeSlot >>> 0)
    }
    return self
  },

  proxy_get_status: (vm) => {
    const self = (codeSlot: number, pointerSlot: number, sizeSlot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_status', self, codeSlot, pointerSlot, sizeSlot)
      vm.spend(1)
      const root = vm.current?.root
      if (root === undefined) return STATUS.badArgument
      if (!vm.holds(codeSlot >>> 0, 4)) return STATUS.invalidMemoryAccess
      const given = giveString(vm, root.statusMessage, pointerSlot >>> 0, sizeSlot >>> 0)
      if (given === STATUS.ok) vm.view.setUint32(codeSlot >>> 0, root.statusCode, true)
      return given
    }
    return self
  },

  emscripten_notify_memory_growth: (vm) => () => {
    vm.refresh()
    return 0
  },

  pthread_equal: () => (a: number, b: number) => (a === b ? 1 : 0),
}
