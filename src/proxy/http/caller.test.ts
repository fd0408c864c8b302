import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { nameCaller } from './caller.ts'

for (const [what, before, caller, after] of [
  ['all', [], { cluster: 'c', node: 'n' }, ['c', 'c', 'n']],
  ['a user agent stays', [['user-agent', 'mine']], { cluster: 'c', node: 'n' }, ['mine', 'c', 'n']],
  [
    'a caller before us is replaced',
    [['x-envoy-downstream-service-cluster', 'x']],
    { cluster: 'c', node: '' },
    ['c', 'c', undefined],
  ],
  ['a nameless node', [], { cluster: '', node: '' }, [undefined, '', undefined]],
] as const) {
  test(`add_user_agent: ${what}`, () => {
    const headers = HeaderMap.of(before.map(([name, value]) => [name, value]))
    nameCaller(headers, caller)
    const names = ['user-agent', 'x-envoy-downstream-service-cluster', 'x-envoy-downstream-service-node']
    assert.deepEqual(
      names.map((name) => headers.get(name)),
      after,
    )
  })
}
