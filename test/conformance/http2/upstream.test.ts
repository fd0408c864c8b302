/** An upstream that speaks raw frames, behind our proxy and Envoy, which are its clients. `H2_CASES=reset` runs some. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type RunningProxy, startEnvoy, startSluice } from '../../parity/proxies.ts'
import { envoy } from '../../peers/index.ts'
import { within } from '../../within.ts'
import { bootstrap, cluster, HTTP2_UPSTREAM, listener } from '../bootstrap.ts'
import { objection, type Pair, summary } from '../compare.ts'
import { HOSTILE } from './cases/hostile.ts'
import { DIFFERENCES } from './differences.ts'
import { type Gauges, settled } from './gauges.ts'
import { ask, type HostileCase, HostilePeer } from './hostile.ts'

const AT_ONCE = 8
const wanted = process.env['H2_CASES'] ?? ''
const cases = HOSTILE.filter(({ id }) => id.includes(wanted))
const peer = await envoy()

interface Run {
  readonly results: Map<string, Pair['ours']>
  /** Gauges of requests and connections that should have gone back to 0, or to what the peers still hold. */
  readonly left: Gauges
  readonly held: number
}

describe('an HTTP/2 upstream of raw frames', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-h2-'))
  const pairs = new Map<string, Pair>()
  let ours: Run

  before(async () => {
    ours = await run(startSluice)
    const theirs = peer.skip === false ? await run((config) => startEnvoy(peer.path, config, dir)) : undefined
    for (const { id } of cases)
      pairs.set(id, { ours: ours.results.get(id) as Pair['ours'], theirs: theirs?.results.get(id) })
  })

  after(() => rmSync(dir, { recursive: true, force: true }))

  for (const { id, clause, what, client, then } of cases) {
    test(`${id}: ${what} (${clause})`, () => {
      const found = objection(
        DIFFERENCES,
        id,
        `${client}${then === undefined ? '' : `, then ${then}`}`,
        pairs.get(id) as Pair,
      )
      if (found !== undefined) assert.fail(found)
    })
  }

  test('nothing is left behind', () => {
    assert.deepEqual(ours.left, gone(ours.held))
  })

  test('the comparison', { skip: peer.skip }, (context) => {
    const line = summary([...pairs.values()])
    context.diagnostic(line)
    console.log(line)
  })
})

/** Each case has an upstream and a cluster of its own, which its path leads to. */
async function run(start: (config: unknown) => Promise<RunningProxy>): Promise<Run> {
  const peers = new Map(cases.map((one) => [one.id, new HostilePeer(one)]))
  const clusters: unknown[] = []
  for (const [id, one] of peers) clusters.push(cluster(nameOf(id), await one.listen(), HTTP2_UPSTREAM))
  const routes = cases.map(({ id }) => ({ match: { prefix: `/${id}/` }, route: { cluster: nameOf(id) } }))
  const proxy = await start(bootstrap([listener('web', routes, { codec_type: 'HTTP1' })], clusters))
  const results = new Map<string, Pair['ours']>()
  const waiting = [...cases]
  const next = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      results.set(one.id, await judge(one, proxy.ports.get('web') as number, peers.get(one.id) as HostilePeer))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  const held = () => [...peers.values()].reduce((sum, { sockets }) => sum + sockets.size, 0)
  const left = await settled(proxy.admin, () => gone(held()))
  const run = { results, left, held: held() }
  await proxy.stop()
  for (const one of peers.values()) await one.close()
  return run
}

async function judge(one: HostileCase, port: number, peer: HostilePeer): Promise<Pair['ours']> {
  const client = await ask(port, one)
  const fate = await within(`what becomes of the connection of ${one.id}`, peer.fate)
  const right = one.client.test(client) && (one.then === undefined || one.then === fate)
  // Whether the head of an answer that breaks off is still sent is a matter of time.
  return { outcome: right ? client.replace(/^200 broken$/, 'broken') : undefined, seen: `${client}, then ${fate}` }
}

/** No request is left, and no connection but those that the upstreams hold. */
function gone(held: number): Gauges {
  return {
    downstream_rq_active: 0,
    downstream_cx_active: 0,
    upstream_rq_active: 0,
    upstream_rq_pending_active: 0,
    upstream_cx_active: held,
  }
}

function nameOf(id: string): string {
  return id.replaceAll('/', '-')
}
