/**
 * What HTTP/2 clients send, as generated, to Envoy and to our proxy: what comes back on each stream and whether the connection lives on, what
 * the upstream gets, log and counters. `DIFFERENTIAL=runs[:seed]` makes others (asked.ts); a trial is made again by its seed, which its
 * name tells.
 */
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { differing, shown } from '../known-facts.ts'
import { compare } from './compare.ts'
import { generate } from './generate.ts'
import { KNOWN } from './known.ts'

const AT_ONCE = 120

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 30, seed: 1 })

describe('frames of HTTP/2 clients', { skip: peer.skip }, () => {
  test(`${runs} connections of seed ${seed} are treated as by Envoy`, async (context) => {
    setLogLevel('error')
    const trials = generate(runs, seed)
    const found: string[] = []
    for (let i = 0; i < trials.length; i += AT_ONCE) {
      const some = trials.slice(i, i + AT_ONCE)
      for (const one of (await differing(some, KNOWN, (those) => compare(those, peer.path))).differences) {
        found.push(shown(one))
        if (longer)
          console.log(`${shown(one)}\n  ${JSON.stringify(one.trial)}`.replace(/x{30,}/g, (run) => `<${run.length} x>`))
      }
    }
    context.diagnostic(`${trials.length} connections, ${found.length} differ`)
    if (longer) console.log(`${trials.length} connections, ${found.length} differ`)
    assertNone(found)
  })
})
