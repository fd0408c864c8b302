import { SluiceError } from '../../errors.ts'
import type { Reader } from './reader.ts'
import { INSERT, type Regions, UNKNOWN_COST } from './regions.ts'
import { readValueType } from './sections.ts'

const NO_COSTS = new Uint16Array()
/** Both are calls into the engine. */
const TABLE_SET_COST = 16
const NOTIFY_COST = 24

/**
 * One pass over the instructions of a body; `reader` stands behind the locals and ends up behind the last `end`. `costs` has what
 * calling a function costs its caller, by index.
 */
export function scanBody(
  reader: Reader,
  regions: Regions,
  costs: Uint16Array = NO_COSTS,
  prepaid = false,
  mostUnpaid = UNKNOWN_COST,
  setUp = 0,
): void {
  regions.reset(prepaid, mostUnpaid, setUp)
  for (;;) {
    const at = reader.pos
    const op = reader.byte()
    regions.step(at)
    if (op >= 0x45 && op <= 0xc4) continue // numeric instructions carry nothing
    if (op >= 0x20 && op <= 0x26) {
      reader.u32()
      if (op === 0x26) regions.add(TABLE_SET_COST)
      continue
    }
    if (op >= 0x28 && op <= 0x3e) {
      memarg(reader)
      continue
    }
    switch (op) {
      case 0x01: // nop
      case 0x1a: // drop
      case 0x1b: // select
      case 0xd1: // ref.is_null
      case 0xd4: // ref.as_non_null
        break
      case 0x00: // unreachable
        regions.stop()
        break
      case 0x02: // block
        regions.block(blockType(reader))
        break
      case 0x03: // loop
        blockType(reader)
        regions.loop(at, reader.pos)
        break
      case 0x04: // if
        regions.if(blockType(reader))
        break
      case 0x05: // else
        regions.else(at)
        break
      case 0x06: // try
        blockType(reader)
        regions.try()
        break
      case 0x1f: // try_table
        blockType(reader)
        catches(reader, regions)
        regions.block(false)
        break
      case 0x07: // catch
        reader.u32()
        regions.catch(at)
        break
      case 0x19: // catch_all
        regions.catch(at)
        break
      case 0x18: // delegate, which closes its `try`
        reader.u32()
        regions.end(at)
        break
      case 0x0b: // end
        if (regions.end(at)) return
        break
      case 0x0c: // br
        regions.branch(at, reader.u32(), false)
        regions.stop()
        break
      case 0x0d: // br_if
        regions.branch(at, reader.u32(), true)
        break
      case 0xd5: // br_on_null
      case 0xd6: // br_on_non_null
        regions.branch(at, reader.u32(), false)
        break
      case 0x0e: // br_table
        regions.branchTable(at, labels(reader))
        break
      case 0x0f: // return
        regions.return(at)
        break
      case 0xd2: // ref.func
        regions.referenced.push(reader.u32())
        break
      case 0x08: // throw
      case 0x09: // rethrow
        reader.u32()
        regions.throw(at)
        break
      case 0x0a: // throw_ref
        regions.throw(at)
        break
      case 0x10: {
        // call
        const callee = reader.u32()
        regions.callees.push(callee)
        regions.call(at, callee < costs.length ? costs[callee] : UNKNOWN_COST)
        break
      }
      case 0x11: // call_indirect
        reader.u32()
        reader.u32()
        regions.call(at, UNKNOWN_COST)
        break
      case 0x12: {
        // return_call
        const callee = reader.u32()
        regions.callees.push(callee)
        // It returns to a caller who does not know of it.
        regions.referenced.push(callee)
        regions.tailCall(at)
        break
      }
      case 0x13: // return_call_indirect
        reader.u32()
        reader.u32()
        regions.tailCall(at)
        break
      case 0x14: // call_ref
        reader.u32()
        regions.call(at, UNKNOWN_COST)
        break
      case 0x15: // return_call_ref
        reader.u32()
        regions.tailCall(at)
        break
      case 0x1c: // select t*
        for (let n = reader.u32(); n > 0; n--) readValueType(reader)
        break
      case 0x3f: // memory.size
        reader.u32()
        break
      case 0x40: // memory.grow
        regions.help(at, INSERT.grow)
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
        miscellaneous(reader, regions, at)
        break
      case 0xfd:
        vector(reader)
        break
      case 0xfe:
        atomic(reader, regions)
        break
      case 0xfb:
      case 0xd3:
        throw new SluiceError('SL4002', 'garbage-collected objects')
      default:
        throw new SluiceError('SL4002', `instruction 0x${op.toString(16)}`)
    }
  }
}

function labels(reader: Reader): number[] {
  const found: number[] = []
  for (let n = reader.u32(); n > 0; n--) found.push(reader.u32())
  found.push(reader.u32())
  return found
}

/** The clauses of a try_table; their labels are counted from outside of it. */
function catches(reader: Reader, regions: Regions): void {
  for (let n = reader.u32(); n > 0; n--) {
    if (reader.byte() < 2) reader.u32()
    regions.caught(reader.u32())
  }
  regions.throws = true
}

/** True when the block leaves nothing on the stack. */
function blockType(reader: Reader): boolean {
  const first = reader.bytes[reader.pos]
  if (first === 0x63 || first === 0x64) readValueType(reader)
  else reader.skipLeb(33)
  return first === 0x40
}

function memarg(reader: Reader): void {
  // Bit 6 of the alignment says that a memory index follows (multi-memory).
  if ((reader.u32() & 0x40) !== 0) reader.u32()
  reader.u32()
}

function miscellaneous(reader: Reader, regions: Regions, at: number): void {
  const op = reader.u32()
  if (op <= 7) return // saturating truncations
  switch (op) {
    case 8: // memory.init
    case 10: // memory.copy
      regions.help(at, INSERT.bulk)
      reader.u32()
      reader.u32()
      break
    case 12: // table.init
    case 14: // table.copy
      regions.help(at, INSERT.elements)
      reader.u32()
      reader.u32()
      break
    case 11: // memory.fill
      regions.help(at, INSERT.bulk)
      reader.u32()
      break
    case 17: // table.fill
      regions.help(at, INSERT.elements)
      reader.u32()
      break
    case 15: // table.grow
      regions.help(at, INSERT.grow)
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

function atomic(reader: Reader, regions: Regions): void {
  const op = reader.u32()
  if (op === 0) regions.add(NOTIFY_COST)
  if (op === 3) reader.skip(1)
  else if (op <= 2 || (op >= 0x10 && op <= 0x4e)) memarg(reader)
  else throw new SluiceError('SL4002', `atomic instruction ${op}`)
}
