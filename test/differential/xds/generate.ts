import { Dice } from '../filters/dice.ts'
import { NAMES, Resources } from './resources.ts'
import type { Entry, Kind, Step, Trial } from './trial.ts'
import { KINDS } from './types.ts'
import type { World } from './words.ts'

/** How often each kind is what a step changes. */
const WEIGHTS: readonly Kind[] = ['cds', 'cds', 'eds', 'eds', 'lds', 'lds', 'lds', 'rds', 'rds', 'sds', 'ecds']

/** Another for each number; `id` begins the names of its resources. */
export function generate(seed: number, id: string, world: World): Trial {
  return new Session(new Dice(seed), id, world).trial(id)
}

class Session {
  readonly #dice: Dice
  readonly #resources: Resources
  readonly #held = new Map<Kind, readonly Entry[]>()

  constructor(dice: Dice, id: string, world: World) {
    this.#dice = dice
    this.#resources = new Resources(dice, id, world)
  }

  trial(id: string): Trial {
    const dice = this.#dice
    return { id, steps: [this.#first(), ...dice.list(4, 9, () => this.#step())] }
  }

  /** Much of what others need, in any order. */
  #first(): Step {
    const kinds = this.#dice.some(KINDS, 0.8)
    const inOrder = this.#dice.chance(0.6) ? kinds : kinds.toReversed()
    return {
      do: 'all',
      of: inOrder.map((kind) =>
        this.#set(
          kind,
          NAMES[kind].filter(() => this.#dice.chance(0.7)),
        ),
      ),
    }
  }

  #step(): Step {
    const dice = this.#dice
    const kind = dice.pick(WEIGHTS)
    if (dice.chance(0.06)) return { do: 'cut' }
    if (dice.chance(0.06)) return { do: 'again', kind }
    if (dice.chance(0.12)) return this.#said(kind)
    if (dice.chance(0.2)) return { do: 'all', of: dice.some(KINDS, 0.4).map((one) => this.#changed(one)) }
    return this.#changed(kind)
  }

  /** Is no part of what is held: what nobody asked for, what falls short of it, or something that is no resource beside the others. */
  #said(kind: Kind): Step {
    const dice = this.#dice
    if (dice.chance(0.4)) {
      const entries = dice.some(NAMES[kind], 0.4).map((word) => this.#resources.make(kind, word, false))
      return { do: 'say', kind, entries }
    }
    const bad = this.#resources.unreadable(kind, dice.pick(NAMES[kind]))
    const others = (this.#held.get(kind) ?? []).filter(({ name }) => name !== bad.name)
    return { do: 'say', kind, entries: [...others, bad], bad: bad.name }
  }

  #set(kind: Kind, names: readonly string[]): Step {
    return this.#hold(
      kind,
      names.map((name) => this.#resources.make(kind, name, this.#dice.chance(0.08))),
    )
  }

  #hold(kind: Kind, entries: readonly Entry[]): Step {
    this.#held.set(kind, entries)
    return { do: 'set', kind, entries, ...(this.#dice.chance(0.08) ? { sameVersion: true as const } : {}) }
  }

  #changed(kind: Kind): Step {
    const dice = this.#dice
    const now = [...(this.#held.get(kind) ?? [])]
    const word = dice.pick(NAMES[kind])
    const made = this.#resources.make(kind, word, dice.chance(0.3))
    const at = now.findIndex(({ name }) => name === made.name)
    if (at < 0) now.push(made)
    else if (dice.chance(0.25)) now.splice(at, 1)
    else if (dice.chance(0.06)) now.push(dice.chance(0.5) ? now[at] : made)
    else now[at] = made
    if (dice.chance(0.04)) now.splice(0)
    return this.#hold(kind, now)
  }
}
