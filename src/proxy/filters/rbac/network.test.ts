import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { RBACSchema } from '../../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { FactoryContext } from '../../context.ts'
import { registry } from '../../index.ts'
import { FilterStatus, type NetworkFilterCallbacks } from '../../network/filter.ts'
import { networkRbac } from './network.ts'

const ANY = { permissions: [{ any: true }] }
const STATE = { filterState: { key: 'k', stringMatch: { exact: 'bad' } } }
const action = (name: string, action: string) => ({
  action: {
    name,
    typedConfig: { '@type': 'type.googleapis.com/envoy.config.rbac.v3.Action', name, action },
  },
})

// What a Wasm extension of the connection has set before.
for (const [name, config] of Object.entries<Record<string, JsonValue>>({
  rules: { rules: { action: 'DENY', policies: { p: { ...ANY, principals: [STATE] } } } },
  matcher: {
    matcher: {
      matcherTree: {
        input: {
          name: 'k',
          typedConfig: {
            '@type': 'type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.FilterStateInput',
            key: 'k',
          },
        },
        exactMatchMap: { map: { bad: action('p', 'DENY') } },
      },
      onNoMatch: action('others', 'ALLOW'),
    },
  },
}))
  for (const [value, expected] of [
    ['bad', FilterStatus.StopIteration],
    ['good', FilterStatus.Continue],
  ] as const)
    test(`${name} that deny by the filter state: ${value}`, async () => {
      const scope = { scope: () => ({ counter: () => ({ value: 0 }) }) }
      const made = await networkRbac.create(fromJson(RBACSchema, { statPrefix: 't', ...config }, { registry }), {
        stats: scope,
      } as unknown as FactoryContext)
      const closed: string[] = []
      const filter = made.createFilter({
        connection: { remoteAddress: '127.0.0.1' },
        dynamicMetadata: new Map(),
        filterState: new Map([['k', Buffer.from(value)]]),
        close: (details: string) => closed.push(details),
      } as unknown as NetworkFilterCallbacks)
      assert.equal(filter?.onData?.(new BodyBuffer(), false), expected)
      assert.deepEqual(closed, value === 'bad' ? ['rbac_access_denied_matched_policy[p]'] : [])
    })
