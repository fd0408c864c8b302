import { STATUS } from '../abi/constants.ts'
import { takeString } from './guest-io.ts'
import type { HostFunctionTable } from './types.ts'

/** RFC 1035 2.3.4. */
const LONGEST_NAME = 255

/** Envoy's own host function; the answer comes to `envoy_on_resolve_dns`. */
export const dnsFunctions: HostFunctionTable = {
  envoy_resolve_dns: (vm) => {
    const self = (name: number, size: number, slot: number): number => {
      if (vm.special !== 0) return vm.intercept('envoy_resolve_dns', self, name, size, slot)
      vm.spend(100)
      if (!vm.holds(name >>> 0, size >>> 0) || !vm.holds(slot >>> 0, 4)) return STATUS.invalidMemoryAccess
      const root = vm.current?.root
      if (root === undefined || size >>> 0 > LONGEST_NAME) return STATUS.badArgument
      if (vm.services.resolveDns === undefined) return STATUS.unimplemented
      if (root.calloutCount >= vm.limits.calloutsInFlight) return STATUS.internalFailure
      vm.view.setUint32(slot >>> 0, root.resolveDns(takeString(vm, name >>> 0, size >>> 0)), true)
      return STATUS.ok
    }
    return self
  },
}
