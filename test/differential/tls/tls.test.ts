/**
 * What becomes of TLS connections, towards clients and towards upstreams, of generated contexts and certificates, on Envoy and on our proxy.
 * DIFFERENTIAL=runs[:seed] makes others (asked.ts); one is made again by the seed in its name.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { cases } from './cases.ts'
import { compare } from './compare.ts'
import { generate } from './generate.ts'
import { unexplained } from './known.ts'

const AT_ONCE = 60

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 40, seed: 1 })

describe('TLS as generated', { skip: peer.skip }, () => {
  test(`${runs} contexts of seed ${seed} treat connections as in Envoy`, async (context) => {
    setLogLevel('error')
    const trials = [...cases(), ...generate(runs, seed)]
    const different: string[] = []
    const counts = { refused: 0, answered: 0, unanswered: 0 }
    for (let i = 0; i < trials.length; i += AT_ONCE) {
      const some = trials.slice(i, i + AT_ONCE)
      for (const [j, told] of (await compare(some, peer.path)).entries()) {
        const [, theirs] = told
        if (theirs.has('refused')) counts.refused++
        for (const [fact, value] of theirs)
          if (fact.endsWith('.answer')) counts[value === 'none' ? 'unanswered' : 'answered']++
        const left = unexplained(some[j], told)
        if (left.length > 0) different.push(`${some[j].id}: ${JSON.stringify(some[j])}\n  ${left.join('\n  ')}`)
      }
    }
    const told = `${JSON.stringify(counts)}, ${different.length} differ`
    context.diagnostic(told)
    if (longer) console.log(`${different.join('\n')}\n${told}`)
    assertNone(different)
    assert.ok(counts.refused < runs / 3 && counts.answered > runs, told)
  })
})
