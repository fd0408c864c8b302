/** The clauses on our proxy and on Envoy. `CLAUSE=9112 7` runs some of them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type RunningProxy, startEnvoy, startSluice } from '../../parity/proxies.ts'
import { envoy } from '../../peers/index.ts'
import { bootstrap, cluster, HTTP1_UPSTREAM, listener } from '../bootstrap.ts'
import { faults, objection, type Pair, summary } from '../compare.ts'
import { CLAUSES } from './cases/index.ts'
import { DIFFERENCES } from './differences.ts'
import { type Outcome, play, recorder } from './play.ts'

/** So that a slow machine is not taken for a silent peer. */
const AT_ONCE = 16
const wanted = process.env['CLAUSE'] ?? ''
const clauses = CLAUSES.filter(({ id }) => id.includes(wanted))
const peer = await envoy()
const HTTP1 = { codec_type: 'HTTP1', http_protocol_options: { accept_http_10: true, enable_trailers: true } }

describe('RFC 9110 and RFC 9112, through the whole proxy', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-http1-'))
  const pairs = new Map<string, Pair>()

  before(async () => {
    const ours = await run(startSluice)
    const theirs = peer.skip === false ? await run((config) => startEnvoy(peer.path, config, dir)) : undefined
    for (const { id } of clauses) pairs.set(id, { ours: ours.get(id) as Outcome, theirs: theirs?.get(id) })
  })

  after(() => rmSync(dir, { recursive: true, force: true }))

  for (const { id, statuses } of clauses) {
    test(id, () => {
      const found = objection(DIFFERENCES, id, statuses === '' ? 'no answer' : statuses, pairs.get(id) as Pair)
      if (found !== undefined) assert.fail(found)
    })
  }

  test('the comparison', { skip: peer.skip }, (context) => {
    const line = summary([...pairs.values()])
    context.diagnostic(line)
    console.log(line)
  })
})

test('clauses have names of their own; listed differences belong to one and have a reason', () => {
  const ids = new Set(CLAUSES.map(({ id }) => id))
  assert.equal(ids.size, CLAUSES.length)
  assert.deepEqual(faults(DIFFERENCES, ids), [])
})

/** Each has a listener, a cluster and an upstream of its own. */
async function run(start: (config: unknown) => Promise<RunningProxy>): Promise<Map<string, Outcome>> {
  const upstreams = await Promise.all(clauses.map((one) => recorder(one)))
  const proxy = await start(
    bootstrap(
      clauses.map((_, i) => listener(`l${i}`, [{ match: { prefix: '' }, route: { cluster: `c${i}` } }], HTTP1)),
      upstreams.map(({ port }, i) => cluster(`c${i}`, port, HTTP1_UPSTREAM)),
    ),
  )
  const outcomes = new Map<string, Outcome>()
  const waiting = [...clauses.entries()]
  const next = async () => {
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
      const [i, one] = entry
      outcomes.set(one.id, await play(one, proxy.ports.get(`l${i}`) as number, upstreams[i]))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  await proxy.stop()
  await Promise.all(upstreams.map((upstream) => upstream.close()))
  return outcomes
}
