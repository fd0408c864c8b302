import type { Reader } from './reader.ts'
import { Regions } from './regions.ts'
import { scanBody } from './scan.ts'
import { readValueType } from './sections.ts'

/** Adds the functions that constant expressions refer to: initial values of globals, elements of tables. */
export function globalReferences(reader: Reader, found: Set<number>): void {
  for (let n = reader.u32(); n > 0; n--) {
    readValueType(reader)
    reader.byte() // mutable or not
    expression(reader, found)
  }
}

/** Of the element section (core 5.5.12), whose segments have eight forms; gives how many elements they have. */
export function elementReferences(reader: Reader, found: Set<number>): number {
  let elements = 0
  for (let n = reader.u32(); n > 0; n--) {
    const flags = reader.u32()
    const active = (flags & 1) === 0
    if (active && (flags & 2) !== 0) reader.u32() // which table
    if (active) expression(reader, found)
    const expressions = (flags & 4) !== 0
    if ((flags & 3) !== 0) {
      if (expressions) readValueType(reader)
      else reader.byte() // functions
    }
    const count = reader.u32()
    elements += count
    for (let i = 0; i < count; i++) {
      if (expressions) expression(reader, found)
      else found.add(reader.u32())
    }
  }
  return elements
}

/** Of the table section: tables may have an initial value. */
export function tableReferences(reader: Reader, found: Set<number>): void {
  for (let n = reader.u32(); n > 0; n--) {
    const initialised = reader.bytes[reader.pos] === 0x40
    if (initialised) reader.skip(2)
    readValueType(reader)
    if ((reader.byte() & 1) !== 0) reader.u32()
    reader.u32()
    if (initialised) expression(reader, found)
  }
}

function expression(reader: Reader, found: Set<number>): void {
  const regions = new Regions()
  scanBody(reader, regions)
  for (const index of regions.referenced) found.add(index)
}
