import { ERRORS, type ErrorCode } from '../../errors.ts'

export const SITUATIONS = ['first start', 'update', 'restart with cache', 'restart without cache'] as const
export type Situation = (typeof SITUATIONS)[number]

/** What one cell showed. */
export interface Outcome {
  readonly during: string
  readonly code: string | undefined
  /** It failed at first and came good by itself when the fault ended. */
  readonly healed: boolean
}

export interface Row {
  readonly fault: string
  readonly situation: Situation
  readonly close: Outcome
  readonly reload: Outcome
  readonly open: Outcome
}

const HEAD = `# When a module cannot be had

What traffic meets, what the status of the extension says, and how it heals, for everything that a registry (or the disk) can
do wrong. This table is made by \`src/agent/hostile/hostile.test.ts\`, which plays each cell: edit that, not this.

- _denied_: 403 for HTTP, a closed connection for TCP. _passes without it_: as if the extension were not there. _module_: it runs.
- _last good module_: what ran before the update runs on; the status names it and the failure.
- _heals_: the agent tries again in the background (1 s at first, at most a minute apart, later if the registry asks for it) and
  swaps the module in as soon as the cause is gone. Nothing needs to be applied again.
- While a FAIL_CLOSE module is fetched for the first time its listener waits; a FAIL_OPEN one waits for a second, then passes.

`

const COLUMNS = ['fault', 'when', 'FAIL_CLOSE', 'FAIL_RELOAD', 'FAIL_OPEN', 'status', 'afterwards']

export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map(({ fault, situation, close, reload, open }) => {
    const { code } = close
    const status = code === undefined ? 'ready' : `${code}: ${ERRORS[code as ErrorCode].title}`
    const later = close.healed && reload.healed && open.healed ? 'heals' : 'nothing to heal'
    return [fault, situation, close.during, reload.during, open.during, status, later]
  })
  const widths = COLUMNS.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i].length)))
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`
  return `${HEAD}${line(COLUMNS)}${line(widths.map((width) => '-'.repeat(width)))}${cells.map(line).join('')}`
}
