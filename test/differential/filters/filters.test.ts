/**
 * Generated configurations of filters and requests, on Envoy and on our proxy: status, headers, body, what the upstream saw, the access log and
 * the filter's counters have to be the same. DIFFERENTIAL=runs[:seed] makes others (asked.ts), DIFFERENTIAL_KIND=lua those of one
 * generator; a case is made again by its seed, which its name tells.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stringify } from 'yaml'
import { envoy, sharedModules } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { compare, type Difference } from './compare.ts'
import { GENERATORS, generate } from './generate.ts'
import { isKnown } from './known.ts'

const [peer, shared] = [await envoy(), await sharedModules()]
const { runs, seed } = asked({ runs: 12, seed: 1 })
const kinds = Object.keys(GENERATORS).filter((kind) => [undefined, kind].includes(process.env['DIFFERENTIAL_KIND']))

describe('filters as generated', { skip: peer.skip }, () => {
  test(`${runs} cases of each of ${kinds.join(', ')}`, async (context) => {
    const cases = kinds.flatMap((kind) => generate(kind, runs, seed))
    const { differences, refused } = await compare(cases, peer.path, shared.path)
    context.diagnostic(`${cases.length} cases, ${refused} refused by both`)
    const unknown = differences.flatMap(unexplained)
    assertNone(unknown)
    assert.ok(refused < cases.length / 2, `${refused} of ${cases.length} are refused`)
  })
})

function unexplained({ one, facts }: Difference): string[] {
  const [kind = ''] = one.id.split('.')
  const left = [...facts].filter(([fact, what]) => !isKnown(kind, fact, what))
  if (left.length === 0) return []
  return [`${one.id}\n${left.map(([fact, what]) => `  ${fact}: ${what}`).join('\n')}\n${stringify(one)}`]
}
