import { METRIC, STATUS } from '../abi/constants.ts'
import { takeString } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** Counters, gauges and histograms of extensions. */
export const metricFunctions: HostFunctionTable = {
  proxy_define_metric: (vm) => {
    const self = (type: number, name: number, nameSize: number, slot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_define_metric', self, type, name, nameSize, slot)
      vm.spend(10)
      if (!vm.holds(name >>> 0, nameSize >>> 0) || !vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      if (type >>> 0 > METRIC.histogram) return STATUS.badArgument
      if (nameSize >>> 0 > vm.limits.metricNameBytes) return STATUS.badArgument
      const text = takeString(vm, name >>> 0, nameSize >>> 0)
      if (!/^[\x20-\x7e\x80-\xff]+$/.test(text)) return STATUS.badArgument
      const id = vm.metrics.define(type, text)
      if (id < 0) return -id
      vm.view.setUint32(slot >>> 0, id, true)
      return STATUS.ok
    }
    return self
  },

  proxy_increment_metric: (vm) => {
    const self = (id: number, amount: bigint): number => {
      if (vm.special !== 0) return vm.intercept('proxy_increment_metric', self, id, amount)
      vm.spend(1)
      return vm.metrics.increment(id >>> 0, Number(amount))
    }
    return self
  },

  proxy_record_metric: (vm) => {
    const self = (id: number, value: bigint): number => {
      if (vm.special !== 0) return vm.intercept('proxy_record_metric', self, id, value)
      vm.spend(1)
      return vm.metrics.record(id >>> 0, Number(BigInt.asUintN(64, value)))
    }
    return self
  },

  proxy_get_metric: (vm) => {
    const self = (id: number, slot: number): number => {
      if (vm.special !== 0) return vm.intercept('proxy_get_metric', self, id, slot)
      vm.spend(1)
      if (!vm.holds(slot >>> 0, 8)) return STATUS.invalidMemoryAccess
      const { status, value } = vm.metrics.read(id >>> 0)
      if (status === STATUS.ok) vm.view.setBigUint64(slot >>> 0, BigInt.asUintN(64, BigInt(Math.trunc(value))), true)
      return status
    }
    return self
  },
}
