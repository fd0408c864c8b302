import { STATUS } from '../abi/constants.ts'
import { stateKey } from '../attributes/property.ts'
import type { Vm } from '../vm.ts'
import { readFlat } from './wire.ts'

/** declare_property: {name 1, readonly 2, type 3, schema 4, span 5}. Declaring a name twice is refused. */
export function declareProperty(vm: Vm, args: Buffer): Uint8Array | number {
  const message = readFlat(args)
  if (message === undefined) return STATUS.badArgument
  const key = stateKey(Buffer.from(message.bytes(1)).latin1Slice())
  if (vm.declared.has(key) || message.int(3) > 3 || message.int(5) > 2) return STATUS.badArgument
  if (vm.declared.size >= vm.limits.declaredProperties) return STATUS.internalFailure
  vm.declared.set(key, { readonly: message.int(2) !== 0, type: message.int(3) })
  return new Uint8Array()
}

/** set_envoy_filter_state: {path 1, value 2, span 3}; the name as it is, which the built-in filters read. */
export function setFilterState(vm: Vm, args: Buffer): Uint8Array | number {
  const message = readFlat(args)
  const context = vm.current
  if (message === undefined || context === undefined) return STATUS.badArgument
  const state = context.filterState
  if (state === undefined) return STATUS.notFound
  const value = message.bytes(2)
  if (value.length > vm.limits.propertyBytes) return STATUS.internalFailure
  const path = message.text(1)
  if (state.get(path) === undefined && context.stateKeys++ >= vm.limits.declaredProperties)
    return STATUS.internalFailure
  state.set(path, Uint8Array.from(value))
  return new Uint8Array()
}
