import { SluiceError } from '../../errors.ts'
import { Reader } from './reader.ts'

/** `params>results` with i = i32, I = i64, f = f32, F = f64, v = v128, r = a reference: `iiI>i`. */
export type Signature = string

interface FunctionImport {
  readonly module: string
  readonly name: string
  readonly signature: Signature
}

/** In pages of 64 KiB for a memory, in elements for a table; `max` undefined: as many as the host gives. */
export interface Bounds {
  readonly min: number
  readonly max: number | undefined
}

interface OtherImport {
  readonly module: string
  readonly name: string
  readonly kind: 'table' | 'memory' | 'global' | 'tag'
  readonly bounds?: Bounds
}

/** `index` is one of the index space of its kind, in which imports come first. */
export interface Export {
  readonly name: string
  readonly kind: 'function' | 'table' | 'memory' | 'global' | 'tag'
  readonly index: number
}

/** Where one stands in the binary. */
export interface Section {
  readonly id: number
  /** Where the contents start and end. */
  readonly start: number
  readonly end: number
}

/** What the host has to know of a module, in the terms of the binary. */
export interface ModuleShape {
  readonly sections: readonly Section[]
  readonly types: readonly Signature[]
  readonly functionImports: readonly FunctionImport[]
  readonly otherImports: readonly OtherImport[]
  /** Type indices of the functions that the module defines. */
  readonly functions: readonly number[]
  readonly exports: readonly Export[]
  /** Memories that the module defines. */
  readonly memories: readonly Bounds[]
  readonly globals: number
  /** The function of the start section. */
  readonly start: number | undefined
}

/** By the number in front of each (WebAssembly 2.0, 5.5.2); `tag` is of the proposal for exceptions. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

const KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const

/** Reads the sections of a module that `WebAssembly.validate` has accepted. */
export function readShape(bytes: Uint8Array): ModuleShape {
  const reader = new Reader(bytes, 8)
  const sections: Section[] = []
  const shape = {
    sections,
    types: [] as Signature[],
    functionImports: [] as FunctionImport[],
    otherImports: [] as OtherImport[],
    functions: [] as number[],
    exports: [] as Export[],
    memories: [] as Bounds[],
    globals: 0,
    start: undefined as number | undefined,
  }
  while (!reader.done) {
    const id = reader.byte()
    const size = reader.u32()
    const start = reader.pos
    reader.skip(size)
    sections.push({ id, start, end: reader.pos })
    const body = new Reader(bytes, start, reader.pos)
    switch (id) {
      case SECTION.type:
        for (let n = body.u32(); n > 0; n--) shape.types.push(readType(body))
        break
      case SECTION.import:
        readImports(body, shape)
        break
      case SECTION.function:
        for (let n = body.u32(); n > 0; n--) shape.functions.push(body.u32())
        break
      case SECTION.memory:
        for (let n = body.u32(); n > 0; n--) shape.memories.push(readLimits(body, 'memory'))
        break
      case SECTION.global:
        shape.globals = body.u32()
        break
      case SECTION.export:
        for (let n = body.u32(); n > 0; n--) {
          const name = body.name()
          shape.exports.push({ name, kind: KINDS[body.byte()], index: body.u32() })
        }
        break
      case SECTION.start:
        shape.start = body.u32()
        break
    }
  }
  return shape
}

/** The type of a function by its index, imports first. */
export function signatureOf(shape: ModuleShape, index: number): Signature {
  const imported = shape.functionImports.length
  if (index < imported) return shape.functionImports[index].signature
  return shape.types[shape.functions[index - imported]]
}

function readType(reader: Reader): Signature {
  const form = reader.byte()
  // Garbage-collected objects live on the JavaScript heap, where no limit of ours would hold them.
  if (form !== 0x60) throw new SluiceError('SL4002', 'garbage-collected types (struct, array, rec)')
  let text = ''
  for (let n = reader.u32(); n > 0; n--) text += readValueType(reader)
  text += '>'
  for (let n = reader.u32(); n > 0; n--) text += readValueType(reader)
  return text
}

/** One letter, as in a `Signature`: i, I, f and F are numbers, v is a vector, r any reference. Throws SL4002 on what is none. */
export function readValueType(reader: Reader): string {
  const code = reader.byte()
  switch (code) {
    case 0x7f:
      return 'i'
    case 0x7e:
      return 'I'
    case 0x7d:
      return 'f'
    case 0x7c:
      return 'F'
    case 0x7b:
      return 'v'
    case 0x70: // funcref
    case 0x6f: // externref
    case 0x69: // exnref
      return 'r'
    case 0x63: // (ref null ht)
    case 0x64: // (ref ht)
      reader.skipLeb(33)
      return 'r'
    default:
      throw new SluiceError('SL4002', `value type 0x${code.toString(16)}`)
  }
}

function readImports(
  reader: Reader,
  shape: { types: Signature[]; functionImports: FunctionImport[]; otherImports: OtherImport[] },
): void {
  for (let n = reader.u32(); n > 0; n--) {
    const module = reader.name()
    const name = reader.name()
    const kind = reader.byte()
    if (kind === 0) {
      shape.functionImports.push({ module, name, signature: shape.types[reader.u32()] })
    } else if (kind === 1) {
      readValueType(reader)
      shape.otherImports.push({ module, name, kind: 'table', bounds: readLimits(reader, 'table') })
    } else if (kind === 2) {
      shape.otherImports.push({ module, name, kind: 'memory', bounds: readLimits(reader, 'memory') })
    } else if (kind === 3) {
      readValueType(reader)
      reader.byte()
      shape.otherImports.push({ module, name, kind: 'global' })
    } else if (kind === 4) {
      reader.byte()
      reader.u32()
      shape.otherImports.push({ module, name, kind: 'tag' })
    } else {
      reader.fail(`import kind ${kind}`)
    }
  }
}

/** Reads limits (5.3.9). Throws SL4002 on what no host of the ABI can give, `what` being the thing in words. */
export function readLimits(reader: Reader, what: string): Bounds {
  const flags = reader.byte()
  // An agent that waits on shared memory would stop its whole worker; 64-bit pointers do not fit the ABI's 32-bit ones.
  if ((flags & 2) !== 0) throw new SluiceError('SL4002', `shared ${what}`)
  if ((flags & 4) !== 0) throw new SluiceError('SL4002', `64-bit ${what}`)
  if (flags > 1) throw new SluiceError('SL4002', `${what} limits 0x${flags.toString(16)}`)
  const min = reader.u32()
  return { min, max: (flags & 1) === 0 ? undefined : reader.u32() }
}
