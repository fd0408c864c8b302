import { now } from "@sluice/assemblyscript"

/** What is remembered at most; a policy that looks at few things has far fewer answers. */
const MAX_ENTRIES = 10_000
const NANOSECONDS: u64 = 1_000_000_000

class Verdict {
  constructor(
    public readonly allowed: bool,
    public readonly until: u64,
  ) {}
}

/** Answers of the server, by the question. */
export class Verdicts {
  private readonly entries: Map<string, Verdict> = new Map()
  private readonly validFor: u64

  constructor(seconds: u64) {
    // Longer than any proxy runs, and no overflow.
    this.validFor = min(seconds, 1_000_000_000) * NANOSECONDS
  }

  /** 1 allowed, 0 denied, -1 not known. */
  find(question: string): i32 {
    if (this.validFor == 0 || !this.entries.has(question)) return -1
    const verdict = this.entries.get(question)
    if (now() < verdict.until) return verdict.allowed ? 1 : 0
    this.entries.delete(question)
    return -1
  }

  keep(question: string, allowed: bool): void {
    if (this.validFor == 0) return
    if (this.entries.size >= MAX_ENTRIES) this.entries.clear()
    this.entries.set(question, new Verdict(allowed, now() + this.validFor))
  }
}
