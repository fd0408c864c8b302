/**
 * Sessions with a management server as generated: the same resources, good and bad, in the same turns to Envoy and to our proxy.
 * DIFFERENTIAL=runs[:seed] makes others (asked.ts); one is made again by the seed in its name: DIFFERENTIAL=1:seed.
 */
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { generate } from './generate.ts'
import { Session } from './session.ts'

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 8, seed: 1 })

for (const [form, delta] of [
  ['state of the world', false],
  ['delta', true],
] as const) {
  describe(`sessions of xDS (${form})`, { skip: peer.skip }, () => {
    test(`${runs} of seed ${seed} come to the same as with Envoy`, async (context) => {
      setLogLevel('error')
      const session = await Session.start(peer.path, delta)
      const found: string[] = []
      try {
        for (let i = 0; i < runs; i++) {
          const trial = generate(seed + i, `t${seed + i}-`, session.world)
          const outcome = await session.run(trial)
          if (outcome === undefined) continue
          const steps = trial.steps.slice(0, outcome.step + 1).map((step) => `    ${JSON.stringify(step)}`)
          found.push(`${trial.id} differs after step ${outcome.step}:\n  ${outcome.facts.join('\n  ')}`)
          if (longer) console.log(`${found[found.length - 1]}\n${outcome.refusals.join('\n')}\n${steps.join('\n')}`)
        }
      } finally {
        await session.stop()
      }
      context.diagnostic(`${found.length} differ`)
      assertNone(found)
    })
  })
}
