import { SluiceError } from '../errors.ts'
import type { CompiledModule } from './compile.ts'
import { GuestFunctions } from './guest.ts'
import type { HostServices, PluginIdentity } from './host.ts'
import { hostFunction } from './host-functions/table.ts'
import { Vm, type VmOptions } from './vm.ts'

type Export = (...args: number[]) => number

/** Makes an instance and runs its entry points: no context yet, and no host function but logging meanwhile (as in cpp-host). */
export function instantiate(
  compiled: CompiledModule,
  options: VmOptions,
  services: HostServices,
  owner: PluginIdentity,
  onFailure: (vm: Vm) => void,
): Vm {
  const vm = new Vm(compiled, options, services, owner, onFailure)
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = Object.create(null)
  const put = (module: string, name: string, value: WebAssembly.ImportValue) => {
    imports[module] ??= Object.create(null)
    imports[module][name] = value
  }
  for (const { module, name } of compiled.functionImports) put(module, name, hostFunction(vm, module, name))
  let instance: WebAssembly.Instance | undefined
  vm.runStart('instantiation', () => {
    let memory: WebAssembly.Memory | undefined
    try {
      if (compiled.memoryImport !== undefined) {
        const { module, name, bounds } = compiled.memoryImport
        const maximum = Math.min(bounds.max ?? vm.limits.memoryPages, vm.limits.memoryPages)
        memory = new WebAssembly.Memory({ initial: bounds.min, maximum })
        put(module, name, memory)
        vm.useMemory(memory)
      }
      for (const { module, name, bounds } of compiled.tableImports) {
        const maximum = Math.min(bounds.max ?? vm.limits.tableElements, vm.limits.tableElements)
        put(module, name, new WebAssembly.Table({ element: 'anyfunc', initial: bounds.min, maximum }))
      }
      instance = new WebAssembly.Instance(compiled.module, imports)
    } catch (cause) {
      // A segment that does not fit is the module's fault; anything else is want of memory or an import that cannot be.
      if (cause instanceof WebAssembly.RuntimeError) throw cause
      if (cause instanceof RangeError || cause instanceof WebAssembly.LinkError || cause instanceof TypeError) {
        throw new SluiceError('SL4018', cause.message, { cause, where: owner.name })
      }
      throw cause
    }
    attach(vm, compiled, instance, memory)
  })
  if (instance === undefined || vm.failure !== undefined) throw startError(vm)
  const { exports } = instance
  const { startExport } = compiled
  if (startExport !== undefined) vm.runStart('start section', () => (exports[startExport] as Export)())
  runEntryPoints(vm, compiled, exports)
  if (vm.failure !== undefined) throw startError(vm)
  return vm
}

function attach(
  vm: Vm,
  compiled: CompiledModule,
  { exports }: WebAssembly.Instance,
  imported: WebAssembly.Memory | undefined,
): void {
  const memory = compiled.memoryExport === undefined ? imported : (exports[compiled.memoryExport] as WebAssembly.Memory)
  const { fuel } = compiled
  const guest = new GuestFunctions()
  const allowed = vm.options.allowedCapabilities
  for (const name of compiled.callbacks) {
    // A callback that is not among the capabilities is never called.
    if (allowed === undefined || allowed.has(name)) guest[name] = exports[name] as Export
  }
  // cpp-host's order; where a module exports both they do the same.
  const malloc = compiled.entryPoints.includes('malloc') ? 'malloc' : 'proxy_on_memory_allocate'
  vm.attach(
    memory,
    guest,
    exports[malloc] as (size: number) => number,
    fuel === undefined ? undefined : (exports[fuel.set] as unknown as (fuel: number) => void),
    fuel === undefined ? undefined : (exports[fuel.get] as () => number),
  )
}

function runEntryPoints(vm: Vm, compiled: CompiledModule, exports: WebAssembly.Exports): void {
  const has = (name: string) => compiled.entryPoints.includes(name)
  const run = (name: string, ...args: number[]) => {
    if (vm.failure === undefined) vm.runStart(name, () => (exports[name] as Export)(...args))
  }
  if (has('_initialize')) {
    run('_initialize')
    if (has('main')) run('main', 0, 0)
    else if (has('__main_void')) run('__main_void')
  } else if (has('_start')) {
    run('_start')
  }
}

function startError(vm: Vm): SluiceError {
  const failure = vm.failure
  const cause = failure?.error.cause
  if (cause instanceof SluiceError) return cause
  if (failure === undefined) return new SluiceError('SL4009', '')
  const trace = failure.backtrace.length === 0 ? '' : `; backtrace: ${failure.backtrace.join(' < ')}`
  const detail = `${failure.callback}: ${failure.message}${trace}`
  return new SluiceError('SL4009', detail, { cause, where: failure.plugin })
}
