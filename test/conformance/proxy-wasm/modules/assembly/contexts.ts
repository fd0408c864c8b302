// Which program a context plays: that of its root context.
import { Program } from './program'
import { read } from './text'
import { readConfiguration } from './version'

const roots: Map<u32, u32> = new Map()
const programs: Map<u32, Program> = new Map()

export function create(id: u32, parent: u32): void {
  roots.set(id, parent == 0 ? id : parent)
  if (parent == 0) return
  const program = programOf(id)
  if (program != null) program.vars.set('stream', id)
}

export function configure(id: u32): Program {
  const slot = heap.alloc(8)
  store<u64>(slot, 0)
  readConfiguration(slot, slot + 4)
  const program = new Program(read(load<u32>(slot), load<u32>(slot + 4)))
  programs.set(id, program)
  return program
}

function programOf(id: u32): Program | null {
  if (!roots.has(id)) return null
  const root = roots.get(id)
  return programs.has(root) ? programs.get(root) : null
}

/** Plays a section of the context's program; `a1` to `a4` are the callback's arguments after the context. */
export function play(section: string, id: u32, a1: u32, a2: u32, a3: u32, a4: u32, otherwise: i32): i32 {
  const program = programOf(id)
  if (program == null) return otherwise
  program.vars.set('ctx', id)
  program.vars.set('a1', a1)
  program.vars.set('a2', a2)
  program.vars.set('a3', a3)
  program.vars.set('a4', a4)
  return program.run(section, otherwise)
}
