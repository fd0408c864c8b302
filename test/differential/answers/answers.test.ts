/**
 * What upstreams answer, as generated, through Envoy and through our proxy. `DIFFERENTIAL=runs[:seed]` makes others (asked.ts); an answer is
 * made again by its seed and number.
 */
import { describe, type TestContext, test } from 'node:test'
import { setLogLevel } from '../../../src/telemetry/log.ts'
import { HTTP1_UPSTREAM_ONCE, HTTP2_UPSTREAM_ONCE } from '../../conformance/bootstrap.ts'
import { envoy } from '../../peers/index.ts'
import { asked } from '../asked.ts'
import { assertNone } from '../assert-none.ts'
import type { Answer } from './answer.ts'
import { compare, type Kind, type Told } from './compare.ts'
import { FrameLiar } from './frame-liar.ts'
import { type FramedAnswer, generate as generateFrames } from './frames.ts'
import { generate } from './generate.ts'
import { unexplained } from './known.ts'
import { unexplained as unexplainedFrames } from './known-frames.ts'
import { Liar } from './liar.ts'

const peer = await envoy()
const { runs, seed, longer } = asked({ runs: 200, seed: 1 })

const LINES: Kind<Answer> = {
  upstream: (answers) => new Liar(answers),
  request: ({ request }) => request,
  options: HTTP1_UPSTREAM_ONCE,
}
const FRAMES: Kind<FramedAnswer> = {
  upstream: (answers) => new FrameLiar(answers),
  request: ({ request }, tag) => ({ ...request, body: tag }),
  options: HTTP2_UPSTREAM_ONCE,
}

describe('answers of upstreams', { skip: peer.skip }, () => {
  const check = async <A>(
    context: TestContext,
    kind: Kind<A>,
    answers: readonly A[],
    unexplained: (answer: A, told: Told) => string[],
  ) => {
    setLogLevel('error')
    const told = await compare(kind, answers, peer.path)
    const different = answers.flatMap((answer, i) => {
      const left = unexplained(answer, told[i])
      return left.length === 0
        ? []
        : [`${i}: ${JSON.stringify(answer)}\n  ${left.join('\n  ')}`.replace(/x{20,}/g, (run) => `<${run.length} x>`)]
    })
    context.diagnostic(`${answers.length} answers, ${different.length} differ`)
    if (longer) console.log(different.join('\n'))
    assertNone(different)
  }

  test(`${runs} of HTTP/1.1, of seed ${seed}, reach clients as through Envoy`, (context) =>
    check(context, LINES, generate(runs, seed), unexplained))

  test(`${runs} of HTTP/2, of seed ${seed}, reach clients as through Envoy`, (context) =>
    check(context, FRAMES, generateFrames(runs, seed), unexplainedFrames))
})
