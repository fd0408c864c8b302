/**
 * What becomes of connections through `tcp_proxy`: who ends them and how, after which bytes, with which log and counters, on Envoy and on
 * our proxy. DIFFERENTIAL=runs[:seed] hunts with generated listeners, clients and upstreams; of a few of them a race decides, on either
 * side: bytes that are on their way when a connection is reset, who comes first of two that end.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { cases } from './cases.ts'
import { compare, type Told } from './compare.ts'
import { generate } from './generate.ts'

const AT_ONCE = 250

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 0, seed: 1 })

describe('tcp_proxy', { skip: peer.skip }, () => {
  test('treats connections as Envoy does', async (context) => {
    setLogLevel('error')
    const trials = [...cases(), ...generate(runs, seed)]
    const different: string[] = []
    let refused = 0
    for (let i = 0; i < trials.length; i += AT_ONCE) {
      const some = trials.slice(i, i + AT_ONCE)
      for (const [j, told] of (await compare(some, peer.path)).entries()) {
        if (told[1].has('refused')) refused++
        const left = differences(told)
        if (left.length > 0) different.push(`${some[j].id}: ${JSON.stringify(some[j])}\n  ${left.join('\n  ')}`)
      }
    }
    context.diagnostic(`${refused} refused, ${different.length} differ`)
    if (longer) console.log(`${different.join('\n')}\n${refused} refused`)
    assertNone(different)
    assert.ok(refused <= runs / 3, `${refused} of ${trials.length} are refused`)
  })
})

function differences([ours, theirs]: readonly [Told, Told]): string[] {
  if (ours.has('refused') && theirs.has('refused')) return []
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((fact) => {
    const [one, other] = [ours.get(fact), theirs.get(fact)]
    return one === other ? [] : [`${fact}: ours ${one}, theirs ${other}`]
  })
}
