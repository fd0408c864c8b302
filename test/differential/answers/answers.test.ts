/**
 * What upstreams answer, as generated, through Envoy and through our proxy. `DIFFERENTIAL=runs[:seed]` makes others (asked.ts); an answer is
 * made again by its seed and number.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { compare } from './compare.ts'
import { generate } from './generate.ts'
import { unexplained } from './known.ts'

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 300, seed: 1 })

describe('answers of HTTP/1.1 upstreams', { skip: peer.skip }, () => {
  test(`${runs} of seed ${seed} reach clients as through Envoy`, async (context) => {
    setLogLevel('error')
    const answers = generate(runs, seed)
    const told = await compare(answers, peer.path)
    const different = answers.flatMap((answer, i) => {
      const left = unexplained(answer, told[i])
      return left.length === 0
        ? []
        : [`${i}: ${JSON.stringify(answer)}\n  ${left.join('\n  ')}`.replace(/x{20,}/g, (run) => `<${run.length} x>`)]
    })
    context.diagnostic(`${answers.length} answers, ${different.length} differ`)
    if (longer) console.log(different.join('\n'))
    assert.deepEqual(different.slice(0, 5), [])
  })
})
