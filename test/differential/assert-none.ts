import assert from 'node:assert/strict'

const SHOWN = 5
const MOST_CHARACTERS = 20_000

/**
 * Nothing was found that differs; else tells how much, and the first of it. `deepEqual` with an empty list would look for the lines that both
 * have in common, in a time and a memory that grow with the square of how many there are.
 */
export function assertNone(found: readonly string[]): void {
  if (found.length === 0) return
  assert.fail(`${found.length} differ:\n${found.slice(0, SHOWN).join('\n')}`.slice(0, MOST_CHARACTERS))
}
