/**
 * Generated configurations and requests on real Envoy and on our proxy. `npm test` runs the same few each time; to look for more:
 * `DIFFERENTIAL=2000 npm test -- test/differential/differential`, with `DIFFERENTIAL=2000:SEED` for the seed of a former run.
 */
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { setLogLevel } from '../../src/telemetry/log.ts'
import { envoy } from '../peers/index.ts'
import { trial } from './arbitrary/trial.ts'
import { asked } from './asked.ts'
import { assertNone } from './assert-none.ts'
import { type Difference, differences, kindOf, shown } from './differences.ts'
import { Pair } from './pair.ts'
import { reduce } from './reduce.ts'
import type { Trial } from './trial.ts'

const AT_ONCE = 50
/** Reduced and shown; of the others the kind is told. */
const MOST = Number(process.env['DIFFERENTIAL_MOST'] ?? 12)

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 100, seed: 1 })

describe('generated configurations', { skip: peer.skip }, () => {
  test(`${runs} of seed ${seed} do the same on Envoy`, async (context) => {
    setLogLevel('error')
    const pair = await Pair.start(peer.path)
    try {
      const found = new Map<string, { trial: Trial; count: number; first: Difference }>()
      let [sent, refused] = [0, 0]
      const trials = fc.sample(trial, { seed, numRuns: runs })
      for (let i = 0; i < trials.length; i += AT_ONCE) {
        const some = trials.slice(i, i + AT_ONCE)
        const outcomes = await pair.run(some)
        for (const [j, one] of some.entries()) {
          if ('refused' in outcomes[j][1]) refused++
          else sent += one.requests.length
          for (const difference of differences(one, outcomes[j])) {
            const kind = kindOf(difference)
            const known = found.get(kind)
            if (known === undefined) found.set(kind, { trial: one, count: 1, first: difference })
            else known.count++
          }
        }
      }
      context.diagnostic(`${sent} requests, ${refused} configurations that Envoy refuses`)
      console.log(`${sent} requests, ${refused} configurations that Envoy refuses, ${found.size} kinds of differences`)
      const told: string[] = []
      for (const [kind, { trial: one, count, first }] of found) {
        if (told.length >= MOST)
          told.push(`${kind} (${count} times): ${shown(first)} of ${JSON.stringify(one.requests[first.request])}`)
        else
          told.push(
            `${kind} (${count} times), at first: ${shown(first)} of ${JSON.stringify(one.requests[first.request])}\n${await explain(pair, one, kind)}`,
          )
        if (longer) console.log(told[told.length - 1])
      }
      assertNone(told)
    } finally {
      await pair.close()
    }
  })
})

async function explain(pair: Pair, one: Trial, kind: string): Promise<string> {
  const smallest = await reduce(pair, one, kind)
  const [outcome] = await pair.run([smallest])
  const all = differences(smallest, outcome).map(shown)
  return `${JSON.stringify(smallest, null, 1).replace(/\n\s*/g, ' ')}\n${all.join('\n')}`
}
