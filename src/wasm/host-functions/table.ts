import { STATUS } from '../abi/constants.ts'
import type { Vm } from '../vm.ts'
import { basicFunctions } from './basics.ts'
import { bufferFunctions } from './buffers.ts'
import { calloutFunctions } from './callouts.ts'
import { dnsFunctions } from './dns.ts'
import { foreignFunctions } from './foreign.ts'
import { headerFunctions } from './headers.ts'
import { metricFunctions } from './metrics.ts'
import { propertyFunctions } from './properties.ts'
import { sharedFunctions } from './shared.ts'
import { streamFunctions } from './streams.ts'
import type { HostFunction, HostFunctionTable } from './types.ts'
import { WASI_NOT_CAPABLE, wasiFunctions } from './wasi.ts'

/** Module `env`. */
const ENV: HostFunctionTable = {
  ...basicFunctions,
  ...bufferFunctions,
  ...calloutFunctions,
  ...dnsFunctions,
  ...foreignFunctions,
  ...headerFunctions,
  ...metricFunctions,
  ...propertyFunctions,
  ...sharedFunctions,
  ...streamFunctions,
}

/** Compiler support, not capabilities. */
const ALWAYS = new Set(['emscripten_notify_memory_growth', 'pthread_equal'])

/** The function for an import that `compileModule` has accepted. */
export function hostFunction(vm: Vm, module: string, name: string): HostFunction {
  const allowed = vm.options.allowedCapabilities
  if (allowed !== undefined && !allowed.has(name) && !ALWAYS.has(name)) return refused(vm, module, name)
  return (module === 'env' ? ENV : wasiFunctions)[name](vm)
}

/** What a capability restriction leaves: an answer, and an error in the log. */
function refused(vm: Vm, module: string, name: string): HostFunction {
  const status = module === 'env' ? STATUS.internalFailure : WASI_NOT_CAPABLE
  return () => {
    vm.spend(1)
    vm.logText('error', `${name} is not among the allowed capabilities`)
    return status
  }
}
