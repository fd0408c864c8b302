import type { Transfer } from '../../oci/index.ts'

/** Where progress goes: stderr. */
export interface ProgressOutput {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** 0 where a terminal does not know. */
  readonly columns?: number
}

const DRAW_MS = 200
/** Without a terminal, a transfer is told of only when it takes long, and then as often. */
const TELL_MS = 5000
/** The rate is that of so many draws. */
const WINDOW = 25

/** The options that a command with progress has. */
export const QUIET = { quiet: { type: 'boolean', short: 'q' } } as const
export const QUIET_HELP = { quiet: 'no progress' }

/** Runs something with progress on stderr unless told not to. */
export async function withProgress<T>(
  quiet: unknown,
  run: (onTransfer: ((transfer: Transfer) => void) | undefined) => Promise<T>,
  output: ProgressOutput = process.stderr,
): Promise<T> {
  if (quiet === true) return await run(undefined)
  const progress = new Progress(output)
  const timer = setInterval(() => progress.tick(performance.now()), DRAW_MS)
  try {
    return await run((transfer) => progress.take(transfer))
  } finally {
    clearInterval(timer)
    progress.close()
  }
}

/** Shows the transfer that is under way: a bar on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #output: ProgressOutput
  readonly #bar: boolean
  #transfer: Transfer | undefined
  /** When the transfer was first seen by a tick, or last told of. */
  #told = 0
  #samples: { readonly at: number; readonly done: number }[] = []
  #drawn = false

  constructor(output: ProgressOutput) {
    this.#output = output
    this.#bar = output.isTTY === true && process.env['TERM'] !== 'dumb'
  }

  take(transfer: Transfer): void {
    const { digest, direction, done } = this.#transfer ?? {}
    // Another blob, or the same one from the start again.
    const another = digest !== transfer.digest || direction !== transfer.direction || transfer.done < (done ?? 0)
    if (another) this.#samples = []
    this.#transfer = transfer.done >= transfer.size ? undefined : transfer
  }

  tick(now: number): void {
    const transfer = this.#transfer
    if (transfer === undefined) {
      this.#clear()
      return
    }
    if (this.#samples.length === 0) this.#told = now
    this.#samples.push({ at: now, done: transfer.done })
    if (this.#samples.length > WINDOW) this.#samples.shift()
    if (this.#bar) {
      this.#output.write(`\r${barLine(transfer, this.#rate, this.#output.columns || 80)}\x1b[K`)
      this.#drawn = true
    } else if (now - this.#told >= TELL_MS) {
      this.#told = now
      this.#output.write(`${plainLine(transfer, this.#rate)}\n`)
    }
  }

  close(): void {
    this.#transfer = undefined
    this.#clear()
  }

  #clear(): void {
    if (this.#drawn) this.#output.write('\r\x1b[K')
    this.#drawn = false
  }

  /** Bytes a second; undefined until there are two points in time. */
  get #rate(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at <= first.at) return undefined
    return ((last.done - first.done) * 1000) / (last.at - first.at)
  }
}

/** `download 4f2a91c07b1e [=====>    ]  12.0 MiB of 40.0 MiB   5.1 MiB/s`, as much of it as fits. */
export function barLine(transfer: Transfer, rate: number | undefined, columns: number): string {
  const left = nameOf(transfer)
  const right = amounts(transfer, rate)
  const room = Math.min(40, columns - 1 - left.length - right.length - 6)
  if (room < 5) return `${left}  ${right}`.slice(0, columns - 1)
  const full = Math.floor(share(transfer) * room)
  const bar = full < room ? `${'='.repeat(full)}>`.padEnd(room) : '='.repeat(room)
  return `${left}  [${bar}]  ${right}`
}

/** `download 4f2a91c07b1e: 12.0 MiB of 40.0 MiB (30 %), 5.1 MiB/s`. */
export function plainLine(transfer: Transfer, rate: number | undefined): string {
  const { done, size } = transfer
  const speed = rate === undefined ? '' : `, ${bytes(rate)}/s`
  const percent = Math.floor(share(transfer) * 100)
  return `${nameOf(transfer)}: ${bytes(done)} of ${bytes(size)} (${percent} %)${speed}`
}

function share({ done, size }: Transfer): number {
  return size === 0 ? 1 : Math.min(1, done / size)
}

function nameOf({ direction, digest }: Transfer): string {
  return `${direction} ${digest.slice(digest.indexOf(':') + 1).slice(0, 12)}`
}

function amounts({ done, size }: Transfer, rate: number | undefined): string {
  const speed = rate === undefined ? '' : `${bytes(rate)}/s`
  return `${bytes(done)} of ${bytes(size)}  ${speed.padStart(12)}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB']

/** A size as people read it. */
export function bytes(count: number): string {
  let unit = 0
  let value = count
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
