import { SluiceError } from '../../errors.ts'
import type { Limits } from '../limits.ts'
import { findCharges } from './call-costs.ts'
import { type CallbackEntry, callbackEntries, writeEntry, writeEntryType } from './callback-entries.ts'
import { Reader } from './reader.ts'
import { elementReferences, globalReferences, tableReferences } from './references.ts'
import { type Charges, INSERT, Regions } from './regions.ts'
import { scanBody } from './scan.ts'
import { type Bounds, type ModuleShape, readLimits, readValueType, SECTION } from './sections.ts'
import { Writer } from './writer.ts'

/** Names of the functions that the rewriting adds for the host. */
export interface FuelExports {
  readonly set: string
  readonly get: string
}

export interface Instrumented {
  readonly bytes: Uint8Array
  readonly fuel: FuelExports | undefined
  /** What the start section would have called, as an export: it runs when the host is ready for it. */
  readonly start: string | undefined
}

/** The order in which sections have to stand (core 5.5.17), which is not that of their numbers. */
const ORDER = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.memory,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
]

const MAX_TABLES = 16
/** Functions that are added beside the entries of callbacks. */
const HELPERS = 5
const HELPER: Readonly<Record<number, 'bulk' | 'grow' | 'elements'>> = {
  [INSERT.bulk]: 'bulk',
  [INSERT.grow]: 'grow',
  [INSERT.elements]: 'elements',
}
/** What growing memory costs beyond its pages: the host has to make its views anew. */
const GROW_COST = 2000

interface Indices {
  readonly global: number
  readonly bulk: number
  readonly grow: number
  readonly elements: number
}

/**
 * Rewrites a module so that it holds its own limits: memory and tables get a maximum, and every function entry and loop head
 * takes fuel from a counter that only the host can refill; at zero the module traps. One pass, no syntax tree. Bulk
 * instructions pay by size, or one of them in a loop would cost milliseconds per unit of fuel.
 */
export function instrument(bytes: Uint8Array, shape: ModuleShape, limits: Limits): Instrumented {
  const memories = shape.memories.length + shape.otherImports.filter((i) => i.kind === 'memory').length
  if (memories > 1) throw new SluiceError('SL4002', 'more than one memory')
  const parts = new Map<number, Writer>()
  const names: Writer[] = []
  for (const section of shape.sections) {
    const body = new Writer(section.end - section.start + 64)
    if (section.id === SECTION.custom) {
      // The names make backtraces readable; other custom sections (debug information above all) only cost memory.
      if (new Reader(bytes, section.start, section.end).name() !== 'name') continue
      body.bytes(bytes, section.start, section.end)
      names.push(body)
      continue
    }
    if (section.id === SECTION.memory) capMemories(body, shape.memories, limits)
    else if (section.id === SECTION.table) capTables(body, new Reader(bytes, section.start, section.end), limits)
    else if (!limits.fuel || section.id !== SECTION.code) body.bytes(bytes, section.start, section.end)
    if (section.id === SECTION.element) checkElements(new Reader(bytes, section.start, section.end), limits)
    parts.set(section.id, body)
  }
  const taken = new Set(shape.exports.map((e) => e.name))
  const start = shape.start === undefined ? undefined : unused('sluice_start', taken)
  if (start !== undefined) {
    parts.delete(SECTION.start)
    addExports(parts, [[start, shape.start as number]])
  }
  const fuel = limits.fuel ? addFuel(bytes, shape, parts, limits, taken) : undefined
  const out = new Writer(bytes.length + (bytes.length >> 2) + 256)
  out.bytes(bytes, 0, 8)
  for (const id of ORDER) {
    const body = parts.get(id)
    if (body !== undefined) out.section(id, body)
  }
  for (const body of names) out.section(SECTION.custom, body)
  return { bytes: out.view(), fuel, start }
}

function capMemories(out: Writer, memories: readonly Bounds[], limits: Limits): void {
  out.u32(memories.length)
  for (const { min, max } of memories) {
    checkMemory(min, limits)
    out.byte(1)
    out.u32(min)
    out.u32(Math.min(max ?? limits.memoryPages, limits.memoryPages))
  }
}

export function checkMemory(min: number, limits: Limits): void {
  if (min <= limits.memoryPages) return
  const size = `it starts with ${min} pages of memory, memoryPages allows ${limits.memoryPages}`
  throw new SluiceError('SL4008', size)
}

function capTables(out: Writer, reader: Reader, limits: Limits): void {
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
function checkElements(reader: Reader, limits: Limits): void {
  const elements = elementReferences(reader, new Set())
  if (elements <= limits.tableElements) return
  const size = `its element segments have ${elements} elements, tableElements allows ${limits.tableElements}`
  throw new SluiceError('SL4008', size)
}

/** Under the names of the callbacks their entries, from index `first` on: each further export would cost each VM half a KiB. */
function exportEntries(parts: Map<number, Writer>, entries: readonly CallbackEntry[], first: number): void {
  const before = parts.get(SECTION.export)?.view()
  if (before === undefined) return
  const reader = new Reader(before)
  const out = new Writer(before.length + 64)
  const count = reader.u32()
  out.u32(count)
  for (let n = count; n > 0; n--) {
    const name = reader.name()
    const kind = reader.byte()
    const index = reader.u32()
    const entry = kind === 0 ? entries.findIndex((one) => one.name === name) : -1
    out.name(name)
    out.byte(kind)
    out.u32(entry < 0 ? index : first + entry)
  }
  parts.set(SECTION.export, out)
}

/** Exports more functions; the names are free. */
function addExports(parts: Map<number, Writer>, exports: readonly (readonly [string, number])[]): void {
  append(parts, SECTION.export, exports.length, (out) => {
    for (const [name, index] of exports) {
      out.name(name)
      out.byte(0)
      out.u32(index)
    }
  })
}

function addFuel(
  bytes: Uint8Array,
  shape: ModuleShape,
  parts: Map<number, Writer>,
  limits: Limits,
  taken: ReadonlySet<string>,
): FuelExports {
  const base = shape.functionImports.length + shape.functions.length
  const importedGlobals = shape.otherImports.filter((i) => i.kind === 'global').length
  const indices: Indices = {
    global: importedGlobals + shape.globals,
    bulk: base + 2,
    grow: base + 3,
    elements: base + 4,
  }
  const entries = callbackEntries(shape)
  const names: FuelExports = { set: unused('sluice_fuel_set', taken), get: unused('sluice_fuel_get', taken) }

  const types = shape.types.length
  append(parts, SECTION.type, 3 + entries.length, (out) => {
    out.bytes(Uint8Array.of(0x60, 1, 0x7f, 0)) // (i32) -> ()
    out.bytes(Uint8Array.of(0x60, 0, 1, 0x7f)) // () -> i32
    out.bytes(Uint8Array.of(0x60, 1, 0x7f, 1, 0x7f)) // (i32) -> i32
    for (const entry of entries) writeEntryType(out, entry)
  })
  append(parts, SECTION.function, HELPERS + entries.length, (out) => {
    for (const type of [types, types + 1, types + 2, types + 2, types + 2]) out.u32(type)
    for (let i = 0; i < entries.length; i++) out.u32(types + 3 + i)
  })
  append(parts, SECTION.global, 1, (out) => {
    out.bytes(Uint8Array.of(0x7f, 1, 0x41))
    out.s32(limits.startFuel)
    out.byte(0x0b)
  })
  exportEntries(parts, entries, base + HELPERS)
  addExports(parts, [
    [names.set, base],
    [names.get, base + 1],
  ])

  const section = shape.sections.find((s) => s.id === SECTION.code)
  const code = new Writer(section === undefined ? 128 : (section.end - section.start) * 1.25)
  code.u32(shape.functions.length + HELPERS + entries.length)
  if (section !== undefined) writeBodies(code, new Reader(bytes, section.start, section.end), shape, indices)
  writeHelpers(code, indices)
  for (const entry of entries) addBody(code, (body) => writeEntry(body, entry, indices.global, limits))
  parts.set(SECTION.code, code)
  return names
}

function unused(name: string, taken: ReadonlySet<string>): string {
  let free = name
  while (taken.has(free)) free += '_'
  return free
}

/** Adds entries at the end of a section that is a vector, so that no index of the module moves. */
function append(parts: Map<number, Writer>, id: number, count: number, write: (out: Writer) => void): void {
  const before = parts.get(id)?.view() ?? Uint8Array.of(0)
  const reader = new Reader(before)
  const out = new Writer(before.length + 64)
  out.u32(reader.u32() + count)
  out.bytes(before, reader.pos)
  write(out)
  parts.set(id, out)
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

function writeBodies(out: Writer, reader: Reader, shape: ModuleShape, indices: Indices): void {
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
  indices: Indices,
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
  scratch.bytes(Uint8Array.of(1, 0x7f)) // one i32 more
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
        move(scratch, 0x23, indices.global, 0x21, local)
        break
      case INSERT.leave:
        move(scratch, 0x20, local, 0x24, indices.global)
        break
      case INSERT.leaveIf:
        copied = leaveIf(scratch, indices.global, local, new Reader(source, copied + 1, body.end))
        break
      default:
        scratch.byte(0x10)
        scratch.u32(indices[HELPER[kinds[i]]])
    }
  }
  scratch.bytes(source, copied, body.end)
  out.u32(scratch.length)
  out.bytes(scratch.view())
}

/** `local = fuel -= weight; if (local < 0) unreachable`. The counter is never below zero before, so nothing can wrap. */
function charge(out: Writer, global: number, local: number, weight: number): void {
  out.byte(0x23)
  out.u32(global)
  subtract(out, weight, local)
  out.byte(0x24)
  out.u32(global)
  out.byte(0x20)
  out.u32(local)
  out.bytes(TRAP_BELOW_ZERO)
}

/** `local -= weight; if (local < 0) { fuel = local; unreachable }`: the host sees by the counter what the trap was. */
function chargeLocal(out: Writer, global: number, local: number, weight: number): void {
  out.byte(0x20)
  out.u32(local)
  subtract(out, weight, local)
  out.bytes(Uint8Array.of(0x41, 0x00, 0x48, 0x04, 0x40))
  move(out, 0x20, local, 0x24, global)
  out.bytes(Uint8Array.of(0x00, 0x0b))
}

/** Instead of `br_if depth`: `if fuel = local; br depth + 1 end`. Gives where the source goes on. */
function leaveIf(out: Writer, global: number, local: number, operand: Reader): number {
  const depth = operand.u32()
  out.bytes(Uint8Array.of(0x04, 0x40))
  move(out, 0x20, local, 0x24, global)
  out.byte(0x0c)
  out.u32(depth + 1)
  out.byte(0x0b)
  return operand.pos
}

function subtract(out: Writer, weight: number, local: number): void {
  out.byte(0x41)
  out.s32(weight)
  out.byte(0x6b)
  out.byte(0x22)
  out.u32(local)
}

function move(out: Writer, get: number, from: number, set: number, to: number): void {
  out.byte(get)
  out.u32(from)
  out.byte(set)
  out.u32(to)
}

/** i32.const 0, i32.lt_s, if, unreachable, end */
const TRAP_BELOW_ZERO = Uint8Array.of(0x41, 0x00, 0x48, 0x04, 0x40, 0x00, 0x0b)

function settle(out: Writer, global: number): void {
  out.byte(0x24)
  out.u32(global)
  out.byte(0x23)
  out.u32(global)
  out.bytes(TRAP_BELOW_ZERO)
}

function writeHelpers(out: Writer, { global }: Indices): void {
  helper(out, (code) => {
    code.bytes(Uint8Array.of(0x20, 0, 0x24))
    code.u32(global)
  })
  helper(out, (code) => {
    code.byte(0x23)
    code.u32(global)
  })
  // bulk(n): fuel -= (n >>> 4) + 16; n
  helper(out, (code) => {
    code.byte(0x23)
    code.u32(global)
    code.bytes(Uint8Array.of(0x20, 0, 0x41, 4, 0x76, 0x41, 16, 0x6a, 0x6b))
    settle(code, global)
    code.bytes(Uint8Array.of(0x20, 0))
  })
  // grow(n): fuel -= ((n & 0xffff) << 6) + GROW_COST; n
  helper(out, (code) => {
    code.byte(0x23)
    code.u32(global)
    code.bytes(Uint8Array.of(0x20, 0, 0x41))
    code.s32(0xffff)
    code.bytes(Uint8Array.of(0x71, 0x41, 6, 0x74, 0x41))
    code.s32(GROW_COST)
    code.bytes(Uint8Array.of(0x6a, 0x6b))
    settle(code, global)
    code.bytes(Uint8Array.of(0x20, 0))
  })
  // elements(n): fuel -= ((n & 0xffffff) << 6) + 16; n. More than 2^24 elements no table has, so that the instruction traps.
  helper(out, (code) => {
    code.byte(0x23)
    code.u32(global)
    code.bytes(Uint8Array.of(0x20, 0, 0x41))
    code.s32(0xffffff)
    code.bytes(Uint8Array.of(0x71, 0x41, 6, 0x74, 0x41, 16, 0x6a, 0x6b))
    settle(code, global)
    code.bytes(Uint8Array.of(0x20, 0))
  })
}

function helper(out: Writer, write: (code: Writer) => void): void {
  addBody(out, (code) => {
    code.byte(0) // no locals
    write(code)
    code.byte(0x0b)
  })
}

function addBody(out: Writer, write: (code: Writer) => void): void {
  const code = new Writer(64)
  write(code)
  out.u32(code.length)
  out.bytes(code.view())
}
