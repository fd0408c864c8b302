/** What a module may have at most of memory and tables: refused where it begins with more, and written into it where it could grow. */
import { SluiceError } from '../../errors.ts'
import type { Limits } from '../limits.ts'
import type { Reader } from './reader.ts'
import { elementReferences } from './references.ts'
import { Regions } from './regions.ts'
import { scanBody } from './scan.ts'
import { type Bounds, readLimits, readValueType } from './sections.ts'
import type { Writer } from './writer.ts'

const MAX_TABLES = 16

/** The memory section, with the limit as the maximum of each. */
export function capMemories(out: Writer, memories: readonly Bounds[], limits: Limits): void {
  out.u32(memories.length)
  for (const { min, max } of memories) {
    checkMemory(min, limits)
    out.byte(1)
    out.u32(min)
    out.u32(Math.min(max ?? limits.memoryPages, limits.memoryPages))
  }
}

/** Refuses a memory that begins with more pages than are allowed. */
export function checkMemory(min: number, limits: Limits): void {
  if (min <= limits.memoryPages) return
  const size = `it starts with ${min} pages of memory, memoryPages allows ${limits.memoryPages}`
  throw new SluiceError('SL4008', size)
}

/** The table section, likewise; `reader` stands at its beginning. */
export function capTables(out: Writer, reader: Reader, limits: Limits): void {
  const count = reader.u32()
  if (count > MAX_TABLES) throw new SluiceError('SL4008', `it has ${count} tables, ${MAX_TABLES} are allowed`)
  out.u32(count)
  let elements = 0
  for (let n = count; n > 0; n--) {
    const start = reader.pos
    const initialised = reader.bytes[reader.pos] === 0x40
    if (initialised) reader.skip(2)
    readValueType(reader)
    out.bytes(reader.bytes, start, reader.pos)
    const { min, max } = readLimits(reader, 'table')
    elements += min
    if (elements > limits.tableElements) {
      throw new SluiceError(
        'SL4008',
        `its tables have ${elements} elements, tableElements allows ${limits.tableElements}`,
      )
    }
    out.byte(1)
    out.u32(min)
    out.u32(Math.min(max ?? limits.tableElements, limits.tableElements))
    if (initialised) {
      const expression = reader.pos
      scanBody(reader, new Regions())
      out.bytes(reader.bytes, expression, reader.pos)
    }
  }
}

/** Segments are written into tables when the module is instantiated, where nothing takes fuel; those of a compiler fill each once. */
export function checkElements(reader: Reader, limits: Limits): void {
  const elements = elementReferences(reader, new Set())
  if (elements <= limits.tableElements) return
  const size = `its element segments have ${elements} elements, tableElements allows ${limits.tableElements}`
  throw new SluiceError('SL4008', size)
}
