import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { envoy, sharedModules } from '../peers/index.ts'
import { readCases } from './case.ts'
import { compareFacts, unexpected } from './observe.ts'
import { type Outcome, runCases } from './run.ts'

/** A difference that is known: which facts (or the refusal), and why. */
interface Listed {
  readonly case: string
  /** Patterns of the facts that differ. */
  readonly facts?: readonly string[]
  /** A pattern of the refusal of the configuration. */
  readonly refused?: string
  /** Depends on chance, e.g. on ports: need not show in every run. */
  readonly chance?: boolean
  readonly why: string
}

const listed = parse(readFileSync(new URL('differences.yaml', import.meta.url), 'utf8')) as readonly Listed[]
const [peer, shared] = [await envoy(), await sharedModules()]
const wanted = process.env['PARITY'] ?? ''
const cases = readCases().filter((one) => one.id.includes(wanted))
const refusable = ({ id }: { id: string }) => listed.some((entry) => entry.case === id && entry.refused !== undefined)
const needsModules = (one: unknown) => JSON.stringify(one).includes('$modules')

describe('the same on Envoy', { skip: peer.skip }, () => {
  let outcomes: Map<string, Outcome>
  let [same, differ] = [0, 0]

  before(async () => {
    const able = cases.filter((one) => shared.skip === false || !needsModules(one))
    outcomes = await runCases(able, refusable, peer.path, shared.path)
  })

  for (const one of cases) {
    test(`${one.id}: ${one.what}`, { skip: needsModules(one) && shared.skip }, () => {
      const { ours, theirs, refused } = outcomes.get(one.id) as Outcome
      assert.deepEqual([...unexpected(one, theirs)], [], 'Envoy is not as expected')
      const known = listed.filter((entry) => entry.case === one.id)
      if (refused !== undefined) {
        const entry = known.find((entry) => entry.refused !== undefined && new RegExp(entry.refused).test(refused))
        assert.ok(entry !== undefined, `refused: ${refused}`)
        differ++
        return
      }
      const differences = new Map([...unexpected(one, ours), ...compareFacts(ours, theirs)])
      const unlisted = [...differences].filter(([fact]) => !known.some((entry) => covers(entry, fact)))
      assert.deepEqual(
        unlisted.map(([fact, what]) => `${fact}: ${what}`),
        [],
        'ours ≠ Envoy',
      )
      for (const entry of known.filter((one) => one.chance !== true)) {
        assert.ok(
          [...differences.keys()].some((fact) => covers(entry, fact)),
          'a difference is listed that is gone',
        )
      }
      if (known.length > 0) differ++
      else same++
    })
  }

  test('every listed difference belongs to a case', () => {
    const ids = readCases().map((one) => one.id)
    assert.deepEqual(
      listed.filter((entry) => !ids.includes(entry.case)).map((entry) => entry.case),
      [],
    )
    for (const entry of listed) assert.ok(entry.why.length > 20, `${entry.case} needs its reason`)
  })

  test('summary', (context) => {
    context.diagnostic(`${same} same, ${differ} differ (listed)`)
    console.log(`${same} same, ${differ} differ (listed)`)
    if (wanted === '') assert.ok(cases.length >= 150, `${cases.length} cases`)
  })
})

function covers(entry: Listed, fact: string): boolean {
  return entry.facts?.some((pattern) => new RegExp(`^(?:${pattern})$`).test(fact)) ?? false
}
