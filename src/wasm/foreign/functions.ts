import { deflateSync, inflateSync } from 'node:zlib'
import { requireFile } from '../../base/require-file.ts'
import { STATUS } from '../abi/constants.ts'
import type { Vm } from '../vm.ts'
import { declareProperty, setFilterState } from './filter-state.ts'
import { sign, verifySignature } from './signatures.ts'

/** A foreign function gets the module's bytes (a copy) and gives bytes, or a status of the ABI. */
type ForeignFunction = (vm: Vm, args: Buffer) => Uint8Array | number

const NOTHING = new Uint8Array()

let loaded: typeof import('./expressions.ts') | undefined

/** Loaded with the first expression: CEL takes 8 MB of each thread, and few modules use it. */
function cel(): typeof import('./expressions.ts') {
  loaded ??= requireFile(import.meta.url, './expressions.ts') as typeof import('./expressions.ts')
  return loaded
}

/** Envoy's (source/extensions/common/wasm/foreign.cc). */
export const FOREIGN_FUNCTIONS: ReadonlyMap<string, ForeignFunction> = new Map<string, ForeignFunction>([
  [
    'compress',
    (vm, args) => {
      vm.spend(args.length >>> 2)
      return deflateSync(args)
    },
  ],
  [
    'uncompress',
    (vm, args) => {
      try {
        // A few bytes may stand for gigabytes: what comes out is bounded like a body.
        const out = inflateSync(args, { maxOutputLength: vm.limits.bodyBytes })
        vm.spend(out.length >>> 4)
        return out
      } catch {
        return STATUS.serializationFailure
      }
    },
  ],
  [
    'clear_route_cache',
    (vm) => {
      vm.current?.clearRouteCache()
      return NOTHING
    },
  ],
  ['declare_property', declareProperty],
  ['set_envoy_filter_state', setFilterState],
  ['verify_signature', verifySignature],
  ['sign', sign],
  ['expr_create', (vm, args) => cel().createExpression(vm, args)],
  ['expr_evaluate', (vm, args) => cel().evaluateExpression(vm, args)],
  ['expr_delete', (vm, args) => cel().deleteExpression(vm, args)],
])
