import { SluiceError } from '../../errors.ts'
import type { Limits } from '../limits.ts'
import { type CallbackEntry, callbackEntries, writeEntry, writeEntryType } from './callback-entries.ts'
import { capMemories, capTables, checkElements } from './caps.ts'
import { writeBodies } from './fuel-bodies.ts'
import { GET_FUEL, HELPER_TYPES, HELPERS, SET_FUEL, writeHelpers } from './fuel-helpers.ts'
import { OP, TYPE } from './opcodes.ts'
import { Reader } from './reader.ts'
import { type ModuleShape, SECTION } from './sections.ts'
import { Writer } from './writer.ts'

/** Names of the functions that the rewriting adds for the host. */
export interface FuelExports {
  readonly set: string
  readonly get: string
}

/** A rewritten module. */
interface Instrumented {
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

/**
 * Rewrites a module so that it holds its own limits: memory and tables get a maximum, and its functions take fuel, where
 * regions.ts says, from a counter that only the host can refill; below zero the module traps. No syntax tree is made. Bulk
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
  const global = importedGlobals + shape.globals
  const entries = callbackEntries(shape)
  const names: FuelExports = { set: unused('sluice_fuel_set', taken), get: unused('sluice_fuel_get', taken) }

  const types = shape.types.length
  append(parts, SECTION.type, HELPER_TYPES.length + entries.length, (out) => {
    for (const type of HELPER_TYPES) out.bytes(type)
    for (const entry of entries) writeEntryType(out, entry)
  })
  append(parts, SECTION.function, HELPERS.length + entries.length, (out) => {
    for (const { type } of HELPERS) out.u32(types + type)
    for (let i = 0; i < entries.length; i++) out.u32(types + HELPER_TYPES.length + i)
  })
  append(parts, SECTION.global, 1, (out) => {
    out.bytes(Uint8Array.of(TYPE.i32, 1, OP.i32Const)) // 1: it changes
    out.s32(limits.startFuel)
    out.byte(OP.end)
  })
  exportEntries(parts, entries, base + HELPERS.length)
  addExports(parts, [
    [names.set, base + SET_FUEL],
    [names.get, base + GET_FUEL],
  ])

  const section = shape.sections.find((s) => s.id === SECTION.code)
  const code = new Writer(section === undefined ? 128 : (section.end - section.start) * 1.25)
  code.u32(shape.functions.length + HELPERS.length + entries.length)
  if (section !== undefined) {
    const reader = new Reader(bytes, section.start, section.end)
    writeBodies(code, reader, shape, { global, helpers: base })
  }
  writeHelpers(code, global)
  for (const entry of entries) code.sized((body) => writeEntry(body, entry, global, limits))
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
