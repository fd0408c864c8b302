import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { HealthCheckSchema } from '../../../gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { FactoryContext, PrepareContext } from '../context.ts'
import type { HttpFilter, HttpFilterCallbacks, HttpFilterConfig } from '../http/filter.ts'
import { sharedMemoryForCells } from '../shared-cells.ts'
import { StatsStore } from '../stats/store.ts'
import { healthCheck } from './health-check.ts'
import { HealthCheckCache } from './health-check-cache.ts'

const message = (json: JsonObject) => fromJson(HealthCheckSchema, json)

async function compile(json: JsonObject) {
  const config = message(json)
  const health = { failed: false }
  const prepared = await healthCheck.prepare?.(config, {} as PrepareContext)
  const context = {
    node: { cluster: 'c' },
    clusters: new Map(),
    stats: new StatsStore(),
    statPrefix: 'http.in.',
    health,
    prepared,
  } as unknown as FactoryContext
  return { health, config: healthCheck.create(config, context) as HttpFilterConfig }
}

/** What the filter answers, or the upstream in its place. */
function ask(config: HttpFilterConfig, upstream: string) {
  const info = { responseFlags: 0, healthCheck: false }
  const local: { status?: number; details?: string | undefined } = {}
  const sendLocalReply: HttpFilterCallbacks['sendLocalReply'] = (status, _, options) => {
    Object.assign(local, { status, details: options?.details })
    filter.encodeHeaders(HeaderMap.of([[':status', String(status)]]), true)
  }
  const callbacks = { streamInfo: info, sendLocalReply } as unknown as HttpFilterCallbacks
  const filter = config.createFilter(callbacks) as Required<HttpFilter>
  filter.decodeHeaders(new HeaderMap(), true)
  assert.equal(info.healthCheck, true)
  if (local.status !== undefined) return `${local.status} ${local.details}`
  filter.encodeHeaders(HeaderMap.of([[':status', upstream]]), true)
  return upstream
}

for (const [json, expected] of [
  [{}, /pass_through_mode: must be set/],
  [{ passThroughMode: false, cacheTime: '1s' }, /cache_time: nothing is cached/],
  [
    { passThroughMode: true, clusterMinHealthyPercentages: { a: { value: 1 } } },
    /cluster_min_healthy_percentages: says/,
  ],
] as const) {
  test(`refused: ${JSON.stringify(json)}`, () => assert.rejects(compile(json), expected))
}

test('what the upstream says stands until its time is over, and the filter’s own answers are not kept', async () => {
  const { config, health } = await compile({ passThroughMode: true, cacheTime: '0.05s' })
  assert.equal(ask(config, '500'), '500')
  assert.equal(ask(config, '200'), '500 health_check_cached')
  health.failed = true
  assert.equal(ask(config, '200'), '503 health_check_failed')
  health.failed = false
  while (ask(config, '201') !== '201') await sleep(10)
  assert.equal(ask(config, '200'), '201 health_check_cached')
})

test('without a time every check goes on', async () => {
  const { config } = await compile({ passThroughMode: true })
  for (const status of ['200', '503', '204']) assert.equal(ask(config, status), status)
})

test('what is no answer to keep is not kept: a status that a filter has spoilt, a change of protocols', async () => {
  const { config } = await compile({ passThroughMode: true, cacheTime: '60s' })
  for (const status of ['abc', '200.5', '1500', '-1', '', '101']) assert.equal(ask(config, status), status)
  assert.equal(ask(config, '204'), '204')
  assert.equal(ask(config, '200'), '204 health_check_cached')
})

test('all workers have one cache', () => {
  const memory = sharedMemoryForCells()
  const [one, other] = [new HealthCheckCache(60_000, memory), new HealthCheckCache(60_000, memory)]
  assert.equal(other.get(), undefined)
  one.put(503, true)
  assert.deepEqual(other.get(), { status: 503, degraded: true })
  other.put(999, false)
  assert.deepEqual(one.get(), { status: 999, degraded: false })
})
