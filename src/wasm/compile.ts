import { createHash } from 'node:crypto'
import { SluiceError } from '../errors.ts'
import type { AbiVersion } from './abi/constants.ts'
import { abiOf, acceptedTypes, CALLBACKS, type CallbackName, callbackType, ENTRY_POINTS } from './abi/signatures.ts'
import { checkMemory } from './binary/caps.ts'
import { type FuelExports, instrument } from './binary/instrument.ts'
import { type Bounds, type ModuleShape, readShape, type Signature, signatureOf } from './binary/sections.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'

/** A module that was checked and rewritten to hold its limits. Plain data and a `WebAssembly.Module`: post it to any thread. */
export interface CompiledModule {
  readonly module: WebAssembly.Module
  readonly abi: AbiVersion
  /** sha256 of the bytes as they came, in hex. */
  readonly digest: string
  readonly functionImports: readonly { readonly module: string; readonly name: string }[]
  readonly memoryImport: { readonly module: string; readonly name: string; readonly bounds: Bounds } | undefined
  readonly tableImports: readonly { readonly module: string; readonly name: string; readonly bounds: Bounds }[]
  /** Where the memory is exported. */
  readonly memoryExport: string | undefined
  readonly callbacks: readonly CallbackName[]
  readonly entryPoints: readonly string[]
  /** Names of exported functions by index, for backtraces. */
  readonly exportedFunctions: ReadonlyMap<number, string>
  /** How many functions it imports and defines; those behind them were added by the rewriting. */
  readonly functions: number
  /** Under this name the rewriting exports what was the start section. */
  readonly startExport: string | undefined
  /** It imports proxy_set_buffer_bytes. */
  readonly editsBodies: boolean
  readonly fuel: FuelExports | undefined
  readonly limits: Limits
}

/** Checks, rewrites and compiles on this thread; for tests and tools. Data threads get their modules from `compileModule`. */
export function compileModuleSync(bytes: Uint8Array, limits: Partial<Limits> = {}): CompiledModule {
  const all: Limits = { ...DEFAULT_LIMITS, ...limits }
  if (bytes.length > all.moduleBytes) {
    throw new SluiceError('SL4008', `it has ${bytes.length} bytes, moduleBytes allows ${all.moduleBytes}`)
  }
  if (!WebAssembly.validate(bytes)) throw new SluiceError('SL4001', whyInvalid(bytes))
  const shape = readShape(bytes)
  const abi = abiOf(shape.exports)
  if (abi === undefined) throw new SluiceError('SL4003', 'no proxy_abi_version_* export')
  const others = checkImports(shape, all)
  const exported = checkExports(shape, abi)
  const instrumented = instrument(bytes, shape, all)
  return {
    module: compile(instrumented.bytes),
    abi,
    digest: createHash('sha256').update(bytes).digest('hex'),
    functionImports: shape.functionImports.map(({ module, name }) => ({ module, name })),
    editsBodies: shape.functionImports.some((i) => i.name === 'proxy_set_buffer_bytes'),
    ...others,
    ...exported,
    exportedFunctions: new Map(shape.exports.filter((e) => e.kind === 'function').map((e) => [e.index, e.name])),
    functions: shape.functionImports.length + shape.functions.length,
    startExport: instrumented.start,
    fuel: instrumented.fuel,
    limits: all,
  }
}

function compile(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes)
  } catch (cause) {
    throw new SluiceError('SL4001', (cause as Error).message, { cause })
  }
}

function whyInvalid(bytes: Uint8Array): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'it is a gzip archive'
  if (bytes[0] === 0x3c) return 'it is an HTML or XML document'
  try {
    new WebAssembly.Module(bytes)
  } catch (error) {
    return (error as Error).message.replace(/^WebAssembly\.Module\(\): /, '')
  }
  return 'it does not validate'
}

function checkImports(shape: ModuleShape, limits: Limits): Pick<CompiledModule, 'memoryImport' | 'tableImports'> {
  for (const { module, name, signature } of shape.functionImports) {
    const accepted = acceptedTypes(module, name)
    if (accepted === undefined) throw new SluiceError('SL4004', `function ${module}.${name}`)
    if (!accepted.includes(signature)) {
      throw new SluiceError(
        'SL4005',
        `${module}.${name} is ${describe(signature)}, the host has ${describe(accepted[0])}`,
      )
    }
  }
  let memoryImport: CompiledModule['memoryImport']
  const tableImports: { module: string; name: string; bounds: Bounds }[] = []
  for (const { module, name, kind, bounds } of shape.otherImports) {
    if (kind === 'memory' && bounds !== undefined) {
      checkMemory(bounds.min, limits)
      memoryImport = { module, name, bounds }
    } else if (kind === 'table' && bounds !== undefined) {
      if (bounds.min > limits.tableElements) {
        throw new SluiceError('SL4008', `table ${module}.${name} has ${bounds.min} elements`)
      }
      tableImports.push({ module, name, bounds })
    } else {
      throw new SluiceError('SL4004', `${kind} ${module}.${name}`)
    }
  }
  return { memoryImport, tableImports }
}

function checkExports(
  shape: ModuleShape,
  abi: AbiVersion,
): Pick<CompiledModule, 'memoryExport' | 'callbacks' | 'entryPoints'> {
  const callbacks: CallbackName[] = []
  const entryPoints: string[] = []
  let memoryExport: string | undefined
  for (const { name, kind, index } of shape.exports) {
    if (kind === 'memory') memoryExport ??= name
    const callback = Object.hasOwn(CALLBACKS, name)
    if (!callback && !Object.hasOwn(ENTRY_POINTS, name)) continue
    if (kind !== 'function') throw new SluiceError('SL4006', `${name} is a ${kind}, not a function`)
    const wanted = callback ? callbackType(name as CallbackName, abi) : ENTRY_POINTS[name]
    const found = signatureOf(shape, index)
    if (found !== wanted) {
      // `main` without arguments is what some compilers export; cpp-host looks only for the one with them.
      if (name === 'main') continue
      throw new SluiceError('SL4006', `${name} is ${describe(found)}, ABI ${abi} has ${describe(wanted)}`)
    }
    if (callback) callbacks.push(name as CallbackName)
    else entryPoints.push(name)
  }
  if (!entryPoints.includes('malloc') && !entryPoints.includes('proxy_on_memory_allocate')) {
    throw new SluiceError('SL4007', 'neither proxy_on_memory_allocate nor malloc is exported')
  }
  return { memoryExport, callbacks, entryPoints }
}

const NAMES: Readonly<Record<string, string>> = { i: 'i32', I: 'i64', f: 'f32', F: 'f64', v: 'v128', r: 'ref' }

function describe(signature: Signature): string {
  const [params, results] = signature.split('>')
  const list = (codes: string) => [...codes].map((code) => NAMES[code]).join(', ')
  return `(${list(params)}) -> (${list(results)})`
}
