/**
 * Which filter chain a connection gets, of generated listeners, on Envoy and on our proxy, and which listeners both refuse.
 * DIFFERENTIAL=runs[:seed] makes others (asked.ts); one is made again by the seed in its name.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { compare } from './compare.ts'
import { generate } from './generate.ts'
import { unexplained } from './known.ts'
import type { Trial } from './trial.ts'

const AT_ONCE = 250

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 60, seed: 1 })

describe('listeners as generated', { skip: peer.skip }, () => {
  test(`${runs} of seed ${seed} give connections the chains that Envoy gives them`, async (context) => {
    setLogLevel('error')
    const trials = generate(runs, seed)
    const [different, answered]: [string[], Map<string, number>] = [[], new Map()]
    let refused = 0
    for (let i = 0; i < trials.length; i += AT_ONCE) {
      const some = trials.slice(i, i + AT_ONCE)
      for (const [j, told] of (await compare(some, peer.path)).entries()) {
        const [, theirs] = told
        if ('refused' in theirs) refused++
        else for (const one of theirs) answered.set(one, (answered.get(one) ?? 0) + 1)
        const left = unexplained(some[j], told)
        if (left.length > 0) different.push(`${some[j].id}: ${shown(some[j].listener)}\n  ${left.join('\n  ')}`)
      }
    }
    const told = [...answered].map(([one, times]) => `${one} ${times}`).join(', ')
    context.diagnostic(`${refused} refused; ${told}; ${different.length} differ`)
    if (longer) console.log(`${different.join('\n')}\n${refused} refused; ${told}`)
    assertNone(different)
    assert.ok(refused < runs / 3, `${refused} of ${runs} are refused`)
  })
})

/** Without what is the same in all. */
function shown(listener: Trial['listener']): string {
  return JSON.stringify(listener, (key, value) => (key === 'filters' || key === 'name' ? undefined : value)).replaceAll(
    'type.googleapis.com/',
    '',
  )
}
