/**
 * What evaluating rules may cost one object. Upstream counts 10,000,000 units, more than one for each step of a loop; here each
 * evaluation and each item that a loop visits is one.
 */
const MAX_STEPS = 1_000_000

/** Counts steps; a hostile rule or object runs out of them instead of holding up the server. */
export class Meter {
  left: number

  constructor(steps = MAX_STEPS) {
    this.left = steps
  }

  get exhausted(): boolean {
    return this.left < 0
  }

  charge(steps: number): void {
    this.left -= steps
    if (this.left < 0) throw new Error('the cost budget is used up')
  }
}
