import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** One thing to throw bytes at. `run` throws where a promise is broken; what it refuses politely is no finding. */
export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from, beside the kept corpus. */
  readonly seeds: readonly Uint8Array[]
  readonly run: (input: Buffer) => void
}

/** Numbers by chance that come again from the same seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  next(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }

  pick<T>(from: readonly T[]): T {
    return from[this.next(from.length)]
  }
}

const BYTES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x0b, 0x41, 0x2e, 0x0a, 0x0d]
const WORDS = [0, 1, 4, 0x3ff, 0x400, 0x401, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

/** One to eight small changes: bits, bytes, words, pieces cut out, doubled, or taken from another input. */
export function mutate(input: Buffer, chance: Chance, corpus: readonly Buffer[]): Buffer {
  let out = Buffer.from(input)
  for (let n = 1 + chance.next(8); n > 0; n--) {
    const at = out.length === 0 ? 0 : chance.next(out.length)
    switch (chance.next(7)) {
      case 0:
        if (out.length > 0) out[at] ^= 1 << chance.next(8)
        break
      case 1:
        if (out.length > 0) out[at] = chance.pick(BYTES)
        break
      case 2:
        if (out.length >= 4) out.writeUInt32LE(chance.pick(WORDS), Math.min(at, out.length - 4))
        break
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + chance.next(16))])
        break
      case 4:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at, at + chance.next(64)), out.subarray(at)])
        break
      case 5:
        out = Buffer.concat([out.subarray(0, at), Buffer.from([chance.pick(BYTES)]), out.subarray(at)])
        break
      default: {
        const other = chance.pick(corpus)
        const from = other.length === 0 ? 0 : chance.next(other.length)
        out = Buffer.concat([out.subarray(0, at), other.subarray(from, from + chance.next(64)), out.subarray(at)])
      }
    }
  }
  return out.length > 1 << 16 ? out.subarray(0, 1 << 16) : out
}

const CORPUS = new URL('./corpus/', import.meta.url)

/** The kept inputs of a target: each was a finding once, or reaches something that no seed does. */
export function keptCorpus(name: string): Buffer[] {
  const folder = new URL(`${name}/`, CORPUS)
  try {
    return readdirSync(folder)
      .filter((file) => !file.startsWith('.'))
      .sort()
      .map((file) => readFileSync(new URL(file, folder)))
  } catch {
    return []
  }
}

/** Runs a target; a finding is kept in the corpus and thrown. */
export function fuzz(target: FuzzTarget, runs: number, seed: number): void {
  const corpus = [...keptCorpus(target.name), ...target.seeds.map((bytes) => Buffer.from(bytes))]
  const chance = new Chance(seed)
  for (const input of corpus) attempt(target, input)
  for (let i = 0; i < runs; i++) attempt(target, mutate(chance.pick(corpus), chance, corpus))
}

function attempt(target: FuzzTarget, input: Buffer): void {
  const start = performance.now()
  try {
    target.run(input)
  } catch (error) {
    keep(target.name, input)
    throw error
  }
  // A minute of work for a few bytes is a finding too; the bound is far above what a busy machine adds.
  if (performance.now() - start > 60_000) {
    keep(target.name, input)
    throw new Error(`${target.name} took ${performance.now() - start} ms for ${input.length} bytes`)
  }
}

function keep(name: string, input: Buffer): void {
  const folder = new URL(`${name}/`, CORPUS)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(createHash('sha256').update(input).digest('hex').slice(0, 16), folder), input)
}
