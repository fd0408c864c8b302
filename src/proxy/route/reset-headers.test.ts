import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { RetryPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { RetryPolicy } from './retry-policy.ts'

const policy = (rateLimitedRetryBackOff: JsonObject) =>
  RetryPolicy.compile(fromJson(RetryPolicySchema, { retryOn: '5xx', rateLimitedRetryBackOff }), 'p')

const SECONDS = { name: 'Retry-After', format: 'SECONDS' }
const TIMESTAMP = { name: 'x-reset', format: 'UNIX_TIMESTAMP' }
const now = () => Math.floor(Date.now() / 1000)

describe('when an upstream wants to be asked again (Envoy: ResetHeaderParserImpl)', () => {
  for (const [what, answer, ms] of [
    ['in seconds', ['retry-after', '7'], 7000],
    ['at once', ['retry-after', '0'], 0],
    ['up to the longest pause', ['retry-after', '300'], 300_000],
    ['beyond it', ['retry-after', '301'], 0],
    ['no number', ['retry-after', 'Fri, 31 Dec 1999 23:59:59 GMT'], 0],
    ['negative', ['retry-after', '-1'], 0],
    ['a time that is over', ['x-reset', '1000'], 0],
    ['not at all', ['other', '7'], 0],
    [
      'the second header where the first is no use',
      ['retry-after', '999', 'x-reset', () => String(now() + 20)],
      20_000,
    ],
  ] as const) {
    test(what, () => {
      const flat = answer.map((text) => (typeof text === 'string' ? text : text()))
      const waits = policy({ resetHeaders: [SECONDS, TIMESTAMP] }).resetMs(new HeaderMap([':status', '503', ...flat]))
      // The clock may have turned to the next second.
      assert.ok(waits === ms || (ms === 20_000 && waits === 19_000), `${waits} instead of ${ms}`)
    })
  }

  test('what is wrong is refused with its place', () => {
    for (const [proto, error] of [
      [{}, / p\.rate_limited_retry_back_off\.reset_headers: at least one is needed$/],
      [{ resetHeaders: [{ name: '' }] }, /reset_headers\[0\]\.name: a name is missing$/],
      [
        { resetHeaders: [SECONDS], maxInterval: '0s' },
        /rate_limited_retry_back_off\.max_interval: must be greater than 0$/,
      ],
    ] as [JsonObject, RegExp][])
      assert.throws(() => policy(proto), error)
  })
})
