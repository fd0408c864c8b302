import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { LocalRateLimitSchema } from '../../../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import type { FactoryContext } from '../../context.ts'
import { StatsStore } from '../../stats/store.ts'
import { localRateLimit } from './filter.ts'

const config = (yaml: string) => fromJson(LocalRateLimitSchema, parse(`{ ${yaml} }`) as JsonValue)
const context = () => ({ node: { cluster: 'here' }, stats: new StatsStore().scope('') }) as unknown as FactoryContext
const BUCKET = 'token_bucket: { max_tokens: 1, fill_interval: 1s }'

describe('local_ratelimit is refused with the path', () => {
  for (const [yaml, error] of [
    [BUCKET, /local_ratelimit\.stat_prefix: missing/],
    [`stat_prefix: a, stage: 11, ${BUCKET}`, /local_ratelimit\.stage: must be from 0 to 10/],
    [
      `stat_prefix: a, ${BUCKET}, rate_limits: [{ actions: [{ remote_address: {} }], apply_on_stream_done: true }]`,
      /rate_limits\[0\]\.apply_on_stream_done/,
    ],
    [
      `stat_prefix: a, request_headers_to_add_when_not_enforced: [{ header: { key: host, value: a } }], ${BUCKET}`,
      /local_ratelimit\.request_headers_to_add_when_not_enforced\[0\]\.header\.key: host cannot be changed/,
    ],
    [`stat_prefix: a, local_cluster_rate_limit: {}, ${BUCKET}`, /local_ratelimit\.local_cluster_rate_limit/],
    [`stat_prefix: a, max_dynamic_descriptors: 0, ${BUCKET}`, /max_dynamic_descriptors: must be from 1 to 16384/],
    [`stat_prefix: a, descriptors: [{ ${BUCKET} }]`, /descriptors\[0\]\.entries: at least one entry/],
    [`stat_prefix: a, descriptors: [{ entries: [{ key: k, value: v }] }]`, /descriptors\[0\]\.token_bucket: missing/],
    [
      `stat_prefix: a, descriptors: [{ entries: [{ value: v }], ${BUCKET} }]`,
      /descriptors\[0\]\.entries\[0\]\.key: missing/,
    ],
    [
      `stat_prefix: a, max_dynamic_descriptors: 16384, descriptors: [${['a', 'b', 'c'].map((key) => `{ entries: [{ key: ${key} }], ${BUCKET} }`)}]`,
      /descriptors: more buckets than there is room for/,
    ],
    [
      `stat_prefix: a, descriptors: [{ entries: [{ key: k, value: v }], ${BUCKET} }, { entries: [{ key: k, value: v }], ${BUCKET} }]`,
      /descriptors\[1\]: the same entries stand there twice/,
    ],
    [
      'stat_prefix: a, descriptors: [{ entries: [{ key: k, value: v }], token_bucket: { max_tokens: 1, fill_interval: 0.01s } }]',
      /descriptors\[0\]\.token_bucket\.fill_interval: must be at least 50ms/,
    ],
  ] as const)
    test(String(error), () => assert.throws(() => localRateLimit.create(config(yaml), context()), error))

  test('a route needs a bucket of its own', () =>
    assert.throws(
      () => localRateLimit.createRouteConfig?.(config('stat_prefix: a'), context()),
      /local_ratelimit\.token_bucket: missing for this route/,
    ))
})
