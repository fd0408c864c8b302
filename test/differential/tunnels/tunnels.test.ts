/**
 * What becomes of upgrades and of CONNECT, from clients and to upstreams of HTTP/1.1 and HTTP/2, as generated, through Envoy and through our
 * proxy: what each end hears and how it ends, log and counters. `DIFFERENTIAL=runs[:seed]` makes others (asked.ts); a trial is made again by
 * its seed, which its name tells.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { differing, shown } from '../known-facts.ts'
import { cases } from './cases.ts'
import { compare } from './compare.ts'
import { generate } from './generate.ts'
import { KNOWN } from './known.ts'

const AT_ONCE = 120

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 60, seed: 1 })

describe('tunnels', { skip: peer.skip }, () => {
  test(`${runs} trials of seed ${seed} end as through Envoy`, async (context) => {
    setLogLevel('error')
    const trials = [...cases(), ...generate(runs, seed)]
    const found: string[] = []
    let refused = 0
    for (let i = 0; i < trials.length; i += AT_ONCE) {
      const some = await differing(trials.slice(i, i + AT_ONCE), KNOWN, (those) => compare(those, peer.path))
      refused += some.refused
      for (const one of some.differences) {
        found.push(shown(one))
        if (longer) console.log(`${shown(one)}\n  ${JSON.stringify(one.trial)}`)
      }
    }
    context.diagnostic(`${refused} refused, ${found.length} differ`)
    if (longer) console.log(`${trials.length} trials, ${refused} refused by both, ${found.length} differ`)
    assertNone(found)
    assert.ok(refused <= runs / 3, `${refused} of ${trials.length} are refused`)
  })
})
