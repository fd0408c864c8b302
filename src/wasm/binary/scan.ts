import { SluiceError } from '../../errors.ts'
import type { Reader } from './reader.ts'
import { readValueType } from './sections.ts'

/** What has to be inserted at a place of a function body. A tight loop has no calls. */
export const INSERT = { loop: 0, tightLoop: 1, bulk: 2, grow: 3, throw: 4 } as const

/** The places of one function body where fuel is taken; reused from function to function. */
export class Sites {
  /** Places in the source, ascending, with what to insert there and, for a charge, how much. */
  readonly positions: number[] = []
  readonly kinds: number[] = []
  readonly weights: number[] = []
  /** Instructions outside of loops. */
  entryWeight = 0
  hasCalls = false
  hasTightLoops = false
  /** Functions that are called directly; and whether others may be. */
  readonly callees: number[] = []
  hasIndirectCalls = false

  reset(): void {
    this.positions.length = 0
    this.kinds.length = 0
    this.weights.length = 0
    this.entryWeight = 0
    this.hasCalls = false
    this.hasTightLoops = false
    this.callees.length = 0
    this.hasIndirectCalls = false
  }

  add(position: number, kind: number): number {
    this.kinds.push(kind)
    this.weights.push(0)
    return this.positions.push(position) - 1
  }
}

const ENTRY = -1
const NO_COSTS = new Uint8Array()

/**
 * One pass over the instructions of a body; `reader` stands behind the locals and ends up behind the last `end`. `costs` has what
 * calling a function costs its caller, by index.
 */
export function scanBody(reader: Reader, sites: Sites, costs: Uint8Array = NO_COSTS): void {
  sites.reset()
  const owners: number[] = [ENTRY]
  let owner = ENTRY
  let weight = 0
  const settle = () => {
    if (owner === ENTRY) sites.entryWeight += weight
    else sites.weights[owner] += weight
    weight = 0
  }
  const called = () => {
    sites.hasCalls = true
    if (owner !== ENTRY) sites.kinds[owner] = INSERT.loop
  }
  while (owners.length > 0) {
    const at = reader.pos
    const op = reader.byte()
    weight++
    if (op >= 0x45 && op <= 0xc4) continue // numeric instructions carry nothing
    if (op >= 0x20 && op <= 0x26) {
      reader.u32()
      continue
    }
    if (op >= 0x28 && op <= 0x3e) {
      memarg(reader)
      continue
    }
    switch (op) {
      case 0x00: // unreachable
      case 0x01: // nop
      case 0x05: // else
      case 0x0f: // return
      case 0x19: // catch_all
      case 0x1a: // drop
      case 0x1b: // select
      case 0xd1: // ref.is_null
      case 0xd4: // ref.as_non_null
        break
      case 0x02: // block
      case 0x04: // if
      case 0x06: // try
        blockType(reader)
        owners.push(owner)
        break
      case 0x1f: // try_table
        blockType(reader)
        for (let n = reader.u32(); n > 0; n--) {
          if (reader.byte() < 2) reader.u32()
          reader.u32()
        }
        owners.push(owner)
        break
      case 0x03: // loop
        blockType(reader)
        settle()
        owners.push(owner)
        owner = sites.add(reader.pos, INSERT.tightLoop)
        break
      case 0x0b: // end
      case 0x18: {
        // `delegate` closes its `try`
        if (op === 0x18) reader.u32()
        const outer = owners.pop() as number
        if (outer !== owner) {
          settle()
          const tight = sites.kinds[owner] === INSERT.tightLoop
          if (tight) sites.hasTightLoops = true
          else if (outer !== ENTRY) sites.kinds[outer] = INSERT.loop
          owner = outer
        }
        break
      }
      case 0x07: // catch
      case 0x0c: // br
      case 0x0d: // br_if
      case 0xd2: // ref.func
      case 0xd5: // br_on_null
      case 0xd6: // br_on_non_null
        reader.u32()
        break
      case 0x08: // throw
      case 0x09: // rethrow
        sites.add(at, INSERT.throw)
        reader.u32()
        break
      case 0x0a: // throw_ref
        sites.add(at, INSERT.throw)
        break
      case 0x0e: // br_table
        for (let n = reader.u32(); n > 0; n--) reader.u32()
        reader.u32()
        break
      case 0x10: // call
      case 0x12: {
        // return_call
        called()
        const callee = reader.u32()
        sites.callees.push(callee)
        if (callee < costs.length) weight += costs[callee]
        break
      }
      case 0x14: // call_ref
      case 0x15: // return_call_ref
        called()
        sites.hasIndirectCalls = true
        reader.u32()
        break
      case 0x11: // call_indirect
      case 0x13: // return_call_indirect
        called()
        sites.hasIndirectCalls = true
        reader.u32()
        reader.u32()
        break
      case 0x1c: // select t*
        for (let n = reader.u32(); n > 0; n--) readValueType(reader)
        break
      case 0x3f: // memory.size
        reader.u32()
        break
      case 0x40: // memory.grow
        sites.add(at, INSERT.grow)
        reader.u32()
        break
      case 0x41: // i32.const
        reader.skipLeb(32)
        break
      case 0x42: // i64.const
        reader.skipLeb(64)
        break
      case 0x43: // f32.const
        reader.skip(4)
        break
      case 0x44: // f64.const
        reader.skip(8)
        break
      case 0xd0: // ref.null
        reader.skipLeb(33)
        break
      case 0xfc:
        miscellaneous(reader, sites, at)
        break
      case 0xfd:
        vector(reader)
        break
      case 0xfe:
        atomic(reader)
        break
      case 0xfb:
      case 0xd3:
        throw new SluiceError('SL4002', 'garbage-collected objects')
      default:
        throw new SluiceError('SL4002', `instruction 0x${op.toString(16)}`)
    }
  }
  settle()
}

function blockType(reader: Reader): void {
  const first = reader.bytes[reader.pos]
  if (first === 0x63 || first === 0x64) readValueType(reader)
  else reader.skipLeb(33)
}

function memarg(reader: Reader): void {
  // Bit 6 of the alignment says that a memory index follows (multi-memory).
  if ((reader.u32() & 0x40) !== 0) reader.u32()
  reader.u32()
}

function miscellaneous(reader: Reader, sites: Sites, at: number): void {
  const op = reader.u32()
  if (op <= 7) return // saturating truncations
  switch (op) {
    case 8: // memory.init
    case 10: // memory.copy
    case 12: // table.init
    case 14: // table.copy
      sites.add(at, INSERT.bulk)
      reader.u32()
      reader.u32()
      break
    case 11: // memory.fill
    case 17: // table.fill
      sites.add(at, INSERT.bulk)
      reader.u32()
      break
    case 15: // table.grow
      sites.add(at, INSERT.grow)
      reader.u32()
      break
    case 9: // data.drop
    case 13: // elem.drop
    case 16: // table.size
      reader.u32()
      break
    default:
      throw new SluiceError('SL4002', `instruction 0xfc ${op}`)
  }
}

function vector(reader: Reader): void {
  const op = reader.u32()
  if (op <= 0x0b || op === 0x5c || op === 0x5d) memarg(reader)
  else if (op === 0x0c || op === 0x0d) reader.skip(16)
  else if (op >= 0x15 && op <= 0x22) reader.skip(1)
  else if (op >= 0x54 && op <= 0x5b) {
    memarg(reader)
    reader.skip(1)
  } else if (op > 0x113) throw new SluiceError('SL4002', `vector instruction ${op}`)
}

function atomic(reader: Reader): void {
  const op = reader.u32()
  if (op === 3) reader.skip(1)
  else if (op <= 2 || (op >= 0x10 && op <= 0x4e)) memarg(reader)
  else throw new SluiceError('SL4002', `atomic instruction ${op}`)
}
