/**
 * The interpreter fills the list of a table constructor from its end, and `pairs` goes in the order of filling: `pairs({ "a", "b" })` gave b
 * before a. Lua 5.1 goes over a list in its order.
 */
interface Entry {
  p: Entry | undefined
  n: Entry | undefined
}

interface Table {
  readonly strong: ReadonlyMap<number, Entry>
  f: Entry | undefined
  l: Entry | undefined
}

interface Tables {
  luaH_setint: (table: Table, key: number, value: unknown) => void
}

/** Changes the interpreter, whose modules `load` gives. */
export function useListOrder(load: (part: string) => unknown): void {
  const tables = load('fengari/src/ltable.js') as Tables
  const set = tables.luaH_setint
  tables.luaH_setint = (table, key, value) => {
    const last = table.l
    set(table, key, value)
    const added = table.l
    const next = table.strong.get(key + 1)
    if (added === last || added === undefined || last === undefined || next === undefined) return
    // From the end to before the one that follows it.
    last.n = undefined
    table.l = last
    added.p = next.p
    added.n = next
    if (next.p === undefined || next.p === null) table.f = added
    else next.p.n = added
    next.p = added
  }
}
