import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { parse } from 'yaml'
import { type RateLimit, RateLimitSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { StreamInfo } from '../http/stream-info.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { type Descriptor, identity } from './descriptor.ts'
import { RateLimits } from './policy.ts'

const protos = (yaml: string): RateLimit[] =>
  (parse(yaml) as JsonValue[]).map((json) => fromJson(RateLimitSchema, json))
const ofRoute = (yaml: string) => RateLimits.ofRoute(protos(yaml), 'rate_limits')
const ofFilter = (yaml: string) => RateLimits.ofFilter(protos(yaml), 'rate_limits')

function collect(limits: RateLimits, headers: Record<string, string> = {}, change?: (info: StreamInfo) => void) {
  const info = new StreamInfo({ remoteAddress: '10.1.1.1', remotePort: 5 } as ConnectionInfo)
  info.requestHeaders = HeaderMap.of([[':path', '/'], ...Object.entries(headers)])
  change?.(info)
  const found: Descriptor[] = []
  limits.collect({ stage: 0, onStreamDone: false, keyed: true }, info, 'here', found)
  return found
}

test('an entry without a value and without skip_if_absent leaves no descriptor', () => {
  const limits = ofRoute(`
- actions: [{ generic_key: { descriptor_value: ü } }, { request_headers: { header_name: x-a, descriptor_key: a } }]
- actions: [{ source_cluster: {} }]`)
  assert.deepEqual(
    collect(limits).map(({ entries }) => entries),
    [['source_cluster', 'here']],
  )
  assert.deepEqual(
    collect(limits, { 'x-a': '' }).map(({ entries }) => entries),
    [
      ['generic_key', 'Ã¼', 'a', ''],
      ['source_cluster', 'here'],
    ],
  )
})

test('a limit comes from dynamic metadata where that is one', () => {
  const limits = ofRoute(`
- { actions: [{ remote_address: {} }], limit: { dynamic_metadata: { metadata_key: { key: ns, path: [{ key: limit }] } } } }`)
  const limit = (value: unknown) =>
    collect(limits, {}, (info) => info.setDynamicMetadata('ns', { limit: value }))[0].limit
  assert.deepEqual(limit({ requests_per_unit: 7.5, unit: 'HOUR' }), { requestsPerUnit: 7, unit: 3 })
  for (const value of [
    1,
    null,
    {},
    { requests_per_unit: 7, unit: 'toString' },
    { requests_per_unit: '7', unit: 'DAY' },
  ])
    assert.equal(limit(value), undefined)
})

test('how much a request counts', () => {
  const limits = ofFilter('[{ actions: [{ remote_address: {} }], hits_addend: { format: "%REQ(x-cost)%" } }]')
  assert.deepEqual(
    ['7', '0', '1000000000', '1000000001', '1.5', '-1', ''].map((cost) => collect(limits, { 'x-cost': cost })[0]?.hits),
    [7, 0, 1_000_000_000, undefined, 1, undefined, undefined],
  )
})

test('no other entries have the same identity', () => {
  assert.notEqual(identity(['a', '1:b']), identity(['a1:b', '']))
  const entries = fc.array(fc.string({ unit: fc.constantFrom('0', '1', '2', ':', 'a') }), { maxLength: 6 })
  fc.assert(
    fc.property(entries, entries, (a, b) => {
      assert.equal(identity(a) === identity(b), JSON.stringify(a) === JSON.stringify(b))
    }),
  )
})

describe('refused with the path', () => {
  const action = '{ remote_address: {} }'
  for (const [make, yaml, error] of [
    [ofRoute, '[{ actions: [] }]', /rate_limits\[0\]\.actions: at least one action/],
    [ofRoute, '[{ actions: [{}] }]', /rate_limits\[0\]\.actions\[0\]: an action is missing/],
    [ofRoute, `[{ stage: 11, actions: [${action}] }]`, /rate_limits\[0\]\.stage: must be from 0 to 10/],
    [ofRoute, `[{ actions: [${action}], hits_addend: { number: 2 } }]`, /rate_limits\[0\]\.hits_addend/],
    [ofFilter, `[{ actions: [${action}], hits_addend: {} }]`, /hits_addend: must contain either a format or a number/],
    [ofFilter, `[{ actions: [${action}], hits_addend: { format: "a%REQ(a)%" } }]`, /hits_addend\.format/],
    [
      ofFilter,
      `[{ actions: [${action}], hits_addend: { number: 1000000001 } }]`,
      /hits_addend\.number: must be at most/,
    ],
    [ofFilter, `[{ stage: 0, actions: [${action}] }]`, /rate_limits\[0\]\.stage/],
    [ofFilter, `[{ disable_key: a, actions: [${action}] }]`, /rate_limits\[0\]\.disable_key/],
    [ofRoute, '[{ actions: [{ generic_key: {} }] }]', /actions\[0\]\.generic_key\.descriptor_value: missing/],
    [ofRoute, '[{ actions: [{ extension: { name: a } }] }]', /actions\[0\]\.extension: actions written as extensions/],
    [ofRoute, '[{ actions: [{ header_value_match: { descriptor_value: a } }] }]', /header_value_match\.headers/],
    [
      ofRoute,
      '[{ actions: [{ generic_key: { descriptor_value: a, default_value: b } }] }]',
      /generic_key\.default_value/,
    ],
    [
      ofRoute,
      '[{ actions: [{ metadata: { descriptor_key: a, metadata_key: { key: a, path: [{ key: b }] }, source: CLUSTER_ENTRY } }] }]',
      /actions\[0\]\.metadata\.source/,
    ],
    [
      ofRoute,
      '[{ actions: [{ metadata: { descriptor_key: a } }] }]',
      /actions\[0\]\.metadata\.metadata_key\.key: missing/,
    ],
  ] as const)
    test(String(error), () => assert.throws(() => make(yaml), error))
})
