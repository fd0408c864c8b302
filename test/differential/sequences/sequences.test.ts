/**
 * Generated programs over the life of a stream, on Envoy and on our proxy: status, headers, body and trailers that the client and the upstream
 * saw, and the callbacks of the module with what its calls returned have to be the same. DIFFERENTIAL=runs[:seed] makes others (asked.ts).
 */
import { describe, test } from 'node:test'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import { compare, type Difference } from './compare.ts'
import { generated } from './generate.ts'

const peer = await envoy()
const { runs, seed } = asked({ runs: 12, seed: 1 })

describe('sequences of callbacks as generated', { skip: peer.skip }, () => {
  test(`${runs} programs`, async () => {
    const found = await compare(generated(runs, seed), peer.path)
    assertNone(found.map(shown))
  })
})

function shown({ id, sequence, facts }: Difference): string {
  const lines = [...facts].map(
    ([fact, [ours, theirs]]) => `  ${fact}:\n${indented(ours)}\n  ≠ Envoy's\n${indented(theirs)}`,
  )
  return `${id}\n${JSON.stringify(sequence, null, 2)}\n${lines.join('\n')}`
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}
