/**
 * Where fuel is taken, and how much: as seldom as keeps two promises.
 *
 * - Whatever runs is paid for: on the way from one charge to the next, `weight` adds up the instructions of the costliest path, and
 *   what a function leaves unpaid at its end (`unpaid`) is added to the weight of those that call it.
 * - Nothing runs for ever: a loop that comes round is charged at its head, and what a function in a cycle of calls (or one that is
 *   called by a table) may leave unpaid is taken to be more than any path may bring to an end, so that each such call leads to a charge.
 *   That one may come when the call is over: the most that runs without a charge is 2 * HEAVY for each frame that the stack can hold.
 *
 * So most small functions take no fuel themselves and stay small, and the engine still inlines them.
 */

/**
 * What has to be inserted at a place of a function body. A tight loop has no calls: in a nest of such loops the counter is kept in a
 * local, which `enter` fills and `leave` writes back, because memory would be the slowest part of them. (Across calls a local is no
 * better than memory.) `leaveIf` takes the place of the `br_if` that it stands before, so that only what leaves writes.
 */
export const INSERT = {
  charge: 0,
  chargeLocal: 1,
  enter: 2,
  leave: 3,
  leaveIf: 4,
  bulk: 5,
  grow: 6,
  elements: 7,
} as const

/** A path that is heavier than this pays before it meets others, or they would pay for it. */
const HEAVY = 256
/** The same for a straight path, and for the way back to the head of a loop, which is charged anyway. */
const LONG = 2048
/** The most that a function leaves unpaid of which callers may not know, and so what a call costs of which nothing better is known. */
export const UNKNOWN_COST = 48
/** The same for a function that is called directly alone: each caller knows what it leaves, and pays that. */
export const KNOWN_COST = 512
/** Coming round, with the charge for it, beside the instructions in the loop: an empty loop would last too long. */
const ROUND = 6
/** An exception is an object on the JavaScript heap. */
const THROW_COST = 2000
/** Deeply nested loops owe for each level; the counter must not wrap. */
const MOST = 1 << 24

/** No path comes here. */
const DEAD = -1

const BLOCK = 0
const IF = 1
const LOOP = 2
const TRY = 3

/** The charges of one function. */
export interface Charges {
  /** Places in the source, ascending, with what to insert there and, for a charge, how much. */
  readonly positions: readonly number[]
  readonly kinds: readonly number[]
  readonly weights: readonly number[]
}

const NO_CHARGES: Charges = { positions: [], kinds: [], weights: [] }

/** Finds the charges of one function body after the other. */
export class Regions {
  // What may have to be inserted; which of it, is known at the end.
  readonly #positions: number[] = []
  /** Of a loop: chargeLocal until a call is seen in it. */
  readonly #kinds: number[] = []
  /** 0 for loops that never come round. */
  readonly #weights: number[] = []
  /** The innermost loop around the place (its index here), and that around what is entered or left; -1 where there is none. */
  readonly #inner: number[] = []
  readonly #outer: number[] = []
  /** Functions that are called directly. */
  readonly callees: number[] = []
  /** Functions that others may call who do not see which. */
  readonly referenced: number[] = []
  /** It throws or catches, so that frames may end without having paid: charges stand before calls and loops. */
  throws = false
  /** What running this function costs its caller. */
  unpaid = 0
  /** Instructions since the last charge, by the costliest path; DEAD where no path comes. */
  weight = 0
  #prepaid = false
  #mostUnpaid = UNKNOWN_COST
  readonly #frames: number[] = []
  /** The weight by which paths have reached the end of a block. */
  readonly #joins: number[] = []
  /** The weight at the start: of an `if` for its other arm; of a loop, where it stays owed until the loop is left. */
  readonly #starts: number[] = []
  /** Sums of what is owed at the starts of loops, from the outermost to here. */
  readonly #owed: number[] = []
  /** Of a loop: its index in `#positions`; of others: that of the loop around them, or -1. */
  readonly #loops: number[] = []
  /** Jumps to it take no values along. */
  readonly #plain: boolean[] = []

  /** `prepaid` for modules that throw or catch; `mostUnpaid` is what the function may leave to its callers; `weight` is where it starts. */
  reset(prepaid: boolean, mostUnpaid: number, weight: number): void {
    this.#mostUnpaid = mostUnpaid
    this.#positions.length = 0
    this.#kinds.length = 0
    this.#weights.length = 0
    this.#inner.length = 0
    this.#outer.length = 0
    this.callees.length = 0
    this.referenced.length = 0
    this.#frames.length = 0
    this.#joins.length = 0
    this.#starts.length = 0
    this.#owed.length = 0
    this.#loops.length = 0
    this.#plain.length = 0
    this.throws = false
    this.unpaid = 0
    this.weight = weight
    this.#prepaid = prepaid
    this.block(false)
  }

  /** One instruction, at `at`. */
  step(at: number): void {
    if (this.weight < 0) return
    if (this.weight > LONG) this.#charge(at, this.weight)
    this.weight++
  }

  /** For an instruction that is dearer than others. */
  add(weight: number): void {
    if (this.weight >= 0) this.weight += weight
  }

  /** An instruction whose work depends on an operand: it calls a helper that takes fuel. */
  help(at: number, helper: number): void {
    this.#untighten()
    this.#insert(at, helper, 0, this.#loop, -1)
  }

  /** `plain`: jumps to its label take no values along. */
  block(plain: boolean): void {
    this.#push(BLOCK, this.#loop, plain)
  }

  if(plain: boolean): void {
    this.#push(IF, this.#loop, plain)
  }

  try(): void {
    this.throws = true
    this.#push(TRY, this.#loop, false)
  }

  /** `head` is the place where each round begins. */
  loop(at: number, head: number): void {
    // What is owed here waits for the end of the loop, and so perhaps for calls without end.
    const owed = this.weight + this.#owed[this.#owed.length - 1]
    if (this.weight > 0 && (this.#prepaid || owed > HEAVY)) this.#charge(at, this.weight)
    const outer = this.#loop
    const own = this.#positions.length + 1
    this.#insert(at, INSERT.enter, 0, own, outer)
    this.#push(LOOP, own, false)
    this.#insert(head, INSERT.chargeLocal, 0, own, outer)
    if (this.weight > 0) {
      this.#owed[this.#owed.length - 1] += this.weight
      this.weight = 0
    }
  }

  else(at: number): void {
    const top = this.#frames.length - 1
    this.#join(at, top)
    this.#frames[top] = BLOCK
    this.weight = this.#starts[top]
  }

  catch(at: number): void {
    this.throws = true
    const top = this.#frames.length - 1
    this.#join(at, top)
    // Each call and throw on the way here was charged before it was made.
    this.weight = this.#starts[top] < 0 ? DEAD : 0
  }

  /** True at the end of the function. */
  end(at: number): boolean {
    const top = this.#frames.length - 1
    const frame = this.#frames[top]
    const start = this.#starts[top]
    if (top === 0) this.#leave(at)
    else if (frame === LOOP) this.#endLoop(at + 1, top, start)
    else {
      const join = frame === IF ? Math.max(start, this.#joins[top]) : this.#joins[top]
      if (this.weight > HEAVY && join >= 0) this.#charge(at, this.weight)
      this.weight = Math.max(this.weight, join)
    }
    this.#frames.pop()
    this.#joins.pop()
    this.#starts.pop()
    this.#owed.pop()
    this.#loops.pop()
    this.#plain.pop()
    return top === 0
  }

  /** A jump that may be taken, to the label that is `depth` frames out; `condition`: by a `br_if`. */
  branch(at: number, depth: number, condition: boolean): void {
    if (this.weight < 0) return
    const total = this.#total(depth)
    const heavy = total > this.#limit(depth)
    if (heavy) this.#charge(at, total)
    this.#leaveLoops(at, depth, condition && this.#plain[this.#plain.length - 1 - depth])
    this.#reach(depth, heavy ? 0 : total)
  }

  /** A jump to one of several labels; one charge serves all, or a table of thousands would become thousands of charges. */
  branchTable(at: number, depths: readonly number[]): void {
    if (this.weight < 0) return
    let most = 0
    let farthest = 0
    let heavy = false
    for (const depth of depths) {
      const total = this.#total(depth)
      most = Math.max(most, total)
      farthest = Math.max(farthest, depth)
      if (total > this.#limit(depth)) heavy = true
    }
    if (heavy) this.#charge(at, most)
    this.#leaveLoops(at, farthest, false)
    for (const depth of depths) this.#reach(depth, heavy ? 0 : this.#total(depth))
    this.weight = DEAD
  }

  /** What a `try_table` catches goes to a label; all that could throw was charged before. */
  caught(depth: number): void {
    this.throws = true
    if (this.weight >= 0) this.#reach(depth, 0)
  }

  return(at: number): void {
    this.#leave(at)
    if (this.weight >= 0) this.#leaveLoops(at, this.#frames.length - 1, false)
    this.weight = DEAD
  }

  /** Nothing comes behind this. */
  stop(): void {
    this.weight = DEAD
  }

  throw(at: number): void {
    this.throws = true
    this.#untighten()
    if (this.weight >= 0) this.#charge(at, this.weight + THROW_COST)
    this.weight = DEAD
  }

  call(at: number, cost: number): void {
    this.#untighten()
    if (this.weight < 0) return
    if (this.#prepaid || this.weight > HEAVY) this.#charge(at, this.weight)
    this.weight += cost
  }

  /** A call that ends this function, and may so go on for ever without a loop. */
  tailCall(at: number): void {
    this.#untighten()
    if (this.weight >= 0) {
      this.#charge(at, this.weight + this.#owed[this.#owed.length - 1])
      this.unpaid = UNKNOWN_COST
    }
    this.weight = DEAD
  }

  /** The loop around this place, or -1. */
  get #loop(): number {
    const loops = this.#loops
    return loops.length === 0 ? -1 : loops[loops.length - 1]
  }

  #push(frame: number, loop: number, plain: boolean): void {
    const owed = this.#owed
    owed.push(owed.length === 0 ? 0 : owed[owed.length - 1])
    this.#frames.push(frame)
    this.#joins.push(DEAD)
    this.#starts.push(this.weight)
    this.#loops.push(loop)
    this.#plain.push(plain)
  }

  #insert(position: number, kind: number, weight: number, inner: number, outer: number): void {
    this.#positions.push(position)
    this.#kinds.push(kind)
    this.#weights.push(Math.min(weight, MOST))
    this.#inner.push(inner)
    this.#outer.push(outer)
  }

  #untighten(): void {
    if (this.#loop >= 0) this.#kinds[this.#loop] = INSERT.charge
  }

  #endLoop(behind: number, top: number, start: number): void {
    const own = this.#loops[top]
    const outer = this.#loops[top - 1]
    if (outer >= 0 && !this.#tight(own)) this.#kinds[outer] = INSERT.charge
    if (this.weight < 0) return
    this.#insert(behind, INSERT.leave, 0, own, outer)
    if (start > 0) this.weight += start
  }

  #tight(loop: number): boolean {
    return loop >= 0 && this.#kinds[loop] === INSERT.chargeLocal
  }

  /** A way out of `depth` frames, and so perhaps out of a nest of tight loops. */
  #leaveLoops(at: number, depth: number, replace: boolean): void {
    const inner = this.#loop
    const outer = this.#loops[this.#loops.length - 1 - depth]
    if (inner !== outer) this.#insert(at, replace ? INSERT.leaveIf : INSERT.leave, 0, inner, outer)
  }

  #charge(at: number, weight: number): void {
    this.#insert(at, INSERT.charge, weight, this.#loop, -1)
    this.weight = 0
  }

  #join(at: number, top: number): void {
    if (this.weight > HEAVY) this.#charge(at, this.weight)
    this.#joins[top] = Math.max(this.#joins[top], this.weight)
  }

  /** The end of the function is reached from here. */
  #leave(at: number): void {
    if (this.weight < 0) return
    const total = this.#total(this.#frames.length - 1)
    if (total > this.#mostUnpaid) this.#charge(at, total)
    else this.unpaid = Math.max(this.unpaid, total)
  }

  /** What is unpaid on a way out of `depth` frames: also what was owed when the loops on it began. */
  #total(depth: number): number {
    const top = this.#owed.length - 1
    return this.weight + this.#owed[top] - this.#owed[top - depth]
  }

  #limit(depth: number): number {
    const target = this.#frames.length - 1 - depth
    if (target === 0) return this.#mostUnpaid
    return this.#frames[target] === LOOP ? LONG : HEAVY
  }

  #reach(depth: number, weight: number): void {
    const target = this.#frames.length - 1 - depth
    if (this.#frames[target] === LOOP) {
      const loop = this.#loops[target]
      this.#weights[loop] = Math.max(this.#weights[loop], weight + ROUND)
    } else if (target === 0) this.unpaid = Math.max(this.unpaid, weight)
    else this.#joins[target] = Math.max(this.#joins[target], weight)
  }

  /** The charges, once the body has been scanned. */
  get charges(): Charges {
    const positions: number[] = []
    const kinds: number[] = []
    const weights: number[] = []
    for (let i = 0; i < this.#positions.length; i++) {
      const kind = this.#final(i)
      if (kind < 0) continue
      positions.push(this.#positions[i])
      kinds.push(kind)
      weights.push(this.#weights[i])
    }
    return positions.length === 0 ? NO_CHARGES : { positions, kinds, weights }
  }

  #final(i: number): number {
    const kind = this.#kinds[i]
    switch (kind) {
      case INSERT.charge:
      case INSERT.chargeLocal:
        if (this.#weights[i] === 0) return -1
        return this.#tight(this.#inner[i]) ? INSERT.chargeLocal : INSERT.charge
      case INSERT.enter:
      case INSERT.leave:
      case INSERT.leaveIf:
        return this.#tight(this.#inner[i]) && !this.#tight(this.#outer[i]) ? kind : -1
      default:
        return kind
    }
  }
}
