import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { type Listener, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { logger } from '../../telemetry/log.ts'
import { registry } from '../index.ts'
import { StatsStore } from '../stats/store.ts'
import { httpListener } from '../testing.ts'
import { DataPlane } from '../worker/data-plane.ts'
import type { ConfigOp, OpResult } from '../worker/protocol.ts'
import { CountMemories } from './count-memories.ts'
import { delivered } from './delivered.ts'
import { ListenerUpdates } from './listener-updates.ts'

/** Answers when it is told to. */
class SlowPool {
  readonly asked: { readonly kinds: string; answer(error?: string): void }[] = []

  apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]> {
    return new Promise((resolve) => {
      this.asked.push({
        kinds: ops.map(({ kind }) => kind).join(),
        answer: (error) => resolve(ops.map(() => ({ error }))),
      })
    })
  }

  /** The next one that is asked, as soon as it is. */
  async next(kinds: string) {
    while (this.asked.length === 0) await new Promise(setImmediate)
    const found = this.asked.shift() as SlowPool['asked'][number]
    assert.equal(found.kinds, kinds)
    return found
  }
}

function world() {
  const node = create(NodeSchema)
  const pool = new SlowPool()
  const surroundings = {
    routes: new Map(),
    badRoutes: new Set<string>(),
    badExtensions: new Set<string>(),
    extensions: new Map(),
    secrets: new Map(),
    settled: () => true,
    wait: () => {},
    openSecrets: async () => {},
    changed: () => {},
    warmed: () => {},
  }
  const settings = { node, drainMs: 0, stats: new StatsStore(), counts: new CountMemories(1) }
  const trial = new DataPlane(node, -1).context
  return { pool, surroundings, listeners: new ListenerUpdates(pool, trial, surroundings, settings, logger('test')) }
}

function web(hcm = '', version = '1'): ReturnType<typeof delivered<Listener>> {
  const routes = '[{ match: { prefix: / }, direct_response: { status: 200 } }]'
  const proto = fromJson(ListenerSchema, parse(httpListener({ routes, hcm })) as JsonValue, { registry })
  return delivered(proto, version)
}

for (const [what, error] of [
  ['comes into force', undefined],
  ['is refused', 'no'],
] as const) {
  test(`a listener that ${what} when it was removed and added again leaves the new one alone`, async () => {
    const { pool, listeners } = world()
    const first = listeners.add(web())
    const begun = await pool.next('listener')
    const removed = listeners.remove(['web'])
    const second = listeners.add(web())
    while (!listeners.states.has('web')) await new Promise(setImmediate)
    begun.answer(error)
    assert.equal(await first, undefined)
    ;(await pool.next('remove-listener')).answer()
    await removed
    ;(await pool.next('listener')).answer()
    assert.equal(await second, undefined)
    assert.equal(listeners.states.get('web')?.active?.version, '1')
    assert.equal(listeners.ops().length, 1)
    const gone = listeners.remove(['web'])
    ;(await pool.next('remove-listener')).answer()
    await gone
    assert.deepEqual([listeners.states.size, listeners.ops().length], [0, 0])
  })
}

test('a listener that waits for its routes comes into force with them, though an update of it was refused', async () => {
  const { pool, surroundings, listeners } = world()
  const routes = 'rds: { route_config_name: r, config_source: { ads: {}, initial_fetch_timeout: 0s } }'
  assert.equal(await listeners.add(web(routes)), undefined)
  assert.match((await listeners.add(web('codec_type: HTTP3', '2'))) ?? '', /codec_type/)
  assert.deepEqual(
    listeners.needs().map((needs) => [...needs.routes.keys()]),
    [['r']],
    'it is still asked for',
  )
  surroundings.routes.set('r', {})
  const warm = listeners.warm()
  ;(await pool.next('listener')).answer()
  await warm
  assert.equal(listeners.states.get('web')?.active?.version, '1')
})

test('what a listener needs is found out once, not again at each change of another one', async () => {
  const { pool, listeners } = world()
  const added = listeners.add(web())
  ;(await pool.next('listener')).answer()
  await added
  const [needs] = listeners.needs()
  assert.equal(listeners.needs()[0], needs)
})
