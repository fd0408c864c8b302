/**
 * Upstreams that fail over time, as generated, behind Envoy and behind our proxy: what the client sees, what each try carried, the log, and the
 * counters have to be the same. `DIFFERENTIAL=runs[:seed]` makes others (asked.ts); a trial is made again by its seed, which its name tells.
 */
import { describe, test } from 'node:test'
import { stringify } from 'yaml'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { differing, shown } from './differing.ts'
import { generate } from './generate.ts'

const AT_ONCE = 200

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 20, seed: 1 })

describe('upstreams that fail', { skip: peer.skip }, () => {
  test(`${runs} trials of seed ${seed} end as behind Envoy`, async (context) => {
    setLogLevel('error')
    const trials = generate(runs, seed)
    const found: string[] = []
    for (let i = 0; i < trials.length; i += AT_ONCE) {
      for (const one of await differing(trials.slice(i, i + AT_ONCE), peer.path)) {
        found.push(shown(one))
        if (longer) console.log(`${shown(one)}\n${stringify(one.one)}`)
      }
    }
    context.diagnostic(`${trials.length} trials, ${found.length} differ`)
    if (longer) console.log(`${trials.length} trials, ${found.length} differ`)
    assertNone(found)
  })
})
