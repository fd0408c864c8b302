/** The functions of a module with what takes fuel in them; regions.ts says where, and how much. */
import { findCharges } from './call-costs.ts'
import { PAYS, TRAP_BELOW_ZERO } from './fuel-helpers.ts'
import { OP, TYPE } from './opcodes.ts'
import { Reader } from './reader.ts'
import { elementReferences, globalReferences, tableReferences } from './references.ts'
import { type Charges, INSERT } from './regions.ts'
import { type ModuleShape, readValueType, SECTION } from './sections.ts'
import { Writer } from './writer.ts'

/** Of what is added to the module. */
interface FuelIndices {
  /** The counter. */
  readonly global: number
  /** The first of the helpers. */
  readonly helpers: number
}

/** One function body of the source: where it starts, where its code starts, and where it ends. */
interface Body {
  readonly start: number
  readonly code: number
  readonly end: number
  readonly localGroups: number
  readonly groupsAt: number
  /** Locals that each call sets to zero. */
  readonly cleared: number
  /** Parameters and locals. */
  readonly locals: number
}

/** Writes the bodies of the module's own functions; `reader` stands at the beginning of the code section. */
export function writeBodies(out: Writer, reader: Reader, shape: ModuleShape, indices: FuelIndices): void {
  const bodies: Body[] = []
  const count = reader.u32()
  for (let n = 0; n < count; n++) bodies.push(readBody(reader, shape.types[shape.functions[n]].indexOf('>')))
  const open = (n: number) => new Reader(reader.bytes, bodies[n].code, bodies[n].end)
  const setUp = (n: number) => bodies[n].cleared >>> 3
  const charges = findCharges(
    shape.functionImports.length,
    count,
    open,
    setUp,
    referencedFunctions(reader.bytes, shape),
  )
  const scratch = new Writer(4096)
  for (let n = 0; n < count; n++) writeBody(out, scratch, reader.bytes, bodies[n], charges[n], indices)
}

/** Those that the host or a table may call. */
function referencedFunctions(bytes: Uint8Array, shape: ModuleShape): Set<number> {
  const found = new Set(shape.exports.filter((e) => e.kind === 'function').map((e) => e.index))
  if (shape.start !== undefined) found.add(shape.start)
  for (const { id, start, end } of shape.sections) {
    const reader = new Reader(bytes, start, end)
    if (id === SECTION.global) globalReferences(reader, found)
    else if (id === SECTION.element) elementReferences(reader, found)
    else if (id === SECTION.table) tableReferences(reader, found)
  }
  return found
}

function readBody(reader: Reader, parameters: number): Body {
  const size = reader.u32()
  const start = reader.pos
  reader.skip(size)
  const body = new Reader(reader.bytes, start, start + size)
  const localGroups = body.u32()
  const groupsAt = body.pos
  let cleared = 0
  for (let n = localGroups; n > 0; n--) {
    cleared += body.u32()
    readValueType(body)
  }
  return { start, code: body.pos, end: start + size, localGroups, groupsAt, cleared, locals: parameters + cleared }
}

/** `scratch` is where a body is put together, because its length stands before it. */
function writeBody(
  out: Writer,
  scratch: Writer,
  source: Uint8Array,
  body: Body,
  charges: Charges,
  indices: FuelIndices,
): void {
  const { positions, kinds, weights } = charges
  if (positions.length === 0) {
    out.u32(body.end - body.start)
    out.bytes(source, body.start, body.end)
    return
  }
  const local = body.locals
  scratch.clear()
  scratch.u32(body.localGroups + 1)
  scratch.bytes(source, body.groupsAt, body.code)
  scratch.bytes(Uint8Array.of(1, TYPE.i32)) // one more
  let copied = body.code
  for (let i = 0; i < positions.length; i++) {
    scratch.bytes(source, copied, positions[i])
    copied = positions[i]
    switch (kinds[i]) {
      case INSERT.charge:
        charge(scratch, indices.global, local, weights[i])
        break
      case INSERT.chargeLocal:
        chargeLocal(scratch, indices.global, local, weights[i])
        break
      case INSERT.enter:
        move(scratch, OP.globalGet, indices.global, OP.localSet, local)
        break
      case INSERT.leave:
        move(scratch, OP.localGet, local, OP.globalSet, indices.global)
        break
      case INSERT.leaveIf:
        copied = leaveIf(scratch, indices.global, local, new Reader(source, copied + 1, body.end))
        break
      default:
        scratch.byte(OP.call)
        scratch.u32(indices.helpers + PAYS[kinds[i]])
    }
  }
  scratch.bytes(source, copied, body.end)
  out.u32(scratch.length)
  out.bytes(scratch.view())
}

/** `local = fuel -= weight; if (local < 0) unreachable`. The counter is never below zero before, so nothing can wrap. */
function charge(out: Writer, global: number, local: number, weight: number): void {
  out.byte(OP.globalGet)
  out.u32(global)
  subtract(out, weight, local)
  out.byte(OP.globalSet)
  out.u32(global)
  out.byte(OP.localGet)
  out.u32(local)
  out.bytes(TRAP_BELOW_ZERO)
}

/** `local -= weight; if (local < 0) { fuel = local; unreachable }`: the host sees by the counter what the trap was. */
function chargeLocal(out: Writer, global: number, local: number, weight: number): void {
  out.byte(OP.localGet)
  out.u32(local)
  subtract(out, weight, local)
  out.bytes(Uint8Array.of(OP.i32Const, 0, OP.i32LtS, OP.if, TYPE.void))
  move(out, OP.localGet, local, OP.globalSet, global)
  out.bytes(Uint8Array.of(OP.unreachable, OP.end))
}

/** Instead of `br_if depth`: `if fuel = local; br depth + 1 end`. Gives where the source goes on. */
function leaveIf(out: Writer, global: number, local: number, operand: Reader): number {
  const depth = operand.u32()
  out.bytes(Uint8Array.of(OP.if, TYPE.void))
  move(out, OP.localGet, local, OP.globalSet, global)
  out.byte(OP.br)
  out.u32(depth + 1)
  out.byte(OP.end)
  return operand.pos
}

function subtract(out: Writer, weight: number, local: number): void {
  out.byte(OP.i32Const)
  out.s32(weight)
  out.byte(OP.i32Sub)
  out.byte(OP.localTee)
  out.u32(local)
}

function move(out: Writer, get: number, from: number, set: number, to: number): void {
  out.byte(get)
  out.u32(from)
  out.byte(set)
  out.u32(to)
}
