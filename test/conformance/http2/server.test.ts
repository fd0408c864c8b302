/** A client that speaks raw frames, against our proxy and Envoy. `H2_CASES=5.1/` runs some of the cases. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type RunningProxy, startEnvoy, startSluice } from '../../parity/proxies.ts'
import { envoy } from '../../peers/index.ts'
import { bootstrap, cluster, HTTP2_LISTENER, listener } from '../bootstrap.ts'
import { faults, objection, type Pair, summary } from '../compare.ts'
import { HOSTILE } from './cases/hostile.ts'
import { CASES } from './cases/index.ts'
import type { Result } from './client.ts'
import { DIFFERENCES } from './differences.ts'
import { type Gauges, settled } from './gauges.ts'
import { playAll } from './run.ts'
import { startUpstreams, type Upstreams } from './upstreams.ts'

/** All requests and connections of the clients are gone; to the upstream connections may be kept. */
const GONE: Gauges = {
  downstream_rq_active: 0,
  downstream_cx_active: 0,
  upstream_rq_active: 0,
  upstream_rq_pending_active: 0,
}
const wanted = process.env['H2_CASES'] ?? ''
const cases = CASES.filter(({ id }) => id.includes(wanted))
const peer = await envoy()

describe('HTTP/2 as raw frames', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-h2-'))
  const pairs = new Map<string, Pair>()
  const whole: string[] = []
  let upstreams: Upstreams
  let left: Gauges
  let theirProxy: RunningProxy | undefined

  before(async () => {
    upstreams = await startUpstreams()
    const routes = [
      { match: { prefix: '/stuck' }, route: { cluster: 'stuck' } },
      { match: { prefix: '/' }, route: { cluster: 'up' } },
    ]
    const clusters = [cluster('up', upstreams.port), cluster('stuck', upstreams.stuckPort)]
    const config = bootstrap([listener('web', routes, HTTP2_LISTENER)], clusters)
    const ourProxy = await startSluice(config)
    const ours = await playAll(ourProxy.ports.get('web') as number, cases)
    whole.push(...upstreams.whole)
    left = await settled(ourProxy.admin, () => GONE)
    await ourProxy.stop()
    let theirs: Map<string, Result> | undefined
    if (peer.skip === false) {
      theirProxy = await startEnvoy(peer.path, config, dir)
      theirs = await playAll(theirProxy.ports.get('web') as number, cases)
    }
    for (const { id } of cases) pairs.set(id, { ours: ours.get(id) as Result, theirs: theirs?.get(id) })
  })

  after(async () => {
    await theirProxy?.stop()
    await upstreams.close()
    rmSync(dir, { recursive: true, force: true })
  })

  for (const { id, clause, what, expect } of cases) {
    test(`${id}: ${what} (${clause})`, () => {
      const found = objection(DIFFERENCES, id, expect.text, pairs.get(id) as Pair)
      if (found !== undefined) assert.fail(found)
    })
  }

  test('no malformed request has reached the upstream whole', () => {
    assert.deepEqual(
      whole.filter((target) => target.includes('malformed')),
      [],
    )
  })

  test('no request and no connection is left', () => {
    assert.deepEqual(left, GONE)
  })

  test('the comparison', { skip: peer.skip }, (context) => {
    const line = summary([...pairs.values()])
    context.diagnostic(line)
    console.log(line)
  })

  test('the cases have names of their own, and there are as many as h2spec has', () => {
    assert.equal(new Set(CASES.map(({ id }) => id)).size, CASES.length)
    assert.ok(CASES.length >= 206)
  })
})

test('listed differences belong to a case and have a reason', () => {
  assert.deepEqual(faults(DIFFERENCES, new Set([...CASES, ...HOSTILE].map(({ id }) => id))), [])
})
