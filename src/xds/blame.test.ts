import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { AdsServer } from './ads-server.ts'
import { blame, mentions } from './blame.ts'
import { memoryTransport } from './memory-transport.ts'
import { resourceName } from './resource-name.ts'
import type { Rejection } from './server-events.ts'
import { extension, named, settle } from './testing.ts'
import { TypeUrl } from './type-urls.ts'

const CASES: [string, string[], string, string[], string[][]][] = [
  ['one resource is to blame whatever is said', ['a'], 'no', ['a'], []],
  ['the named one', ['a', 'b', 'c'], 'b: no', ['b'], [['a', 'c']]],
  ['all named', ['a', 'b'], 'a and b', ['a', 'b'], []],
  ['none named: each on its own', ['a', 'b'], 'no', [], [['a'], ['b']]],
  ['a longer name is another', ['ns.auth', 'ns.auth2'], 'ns.auth2: no', ['ns.auth2'], [['ns.auth']]],
]

for (const [name, names, error, blamed, retry] of CASES) {
  test(name, () => assert.deepEqual(blame(TypeUrl.extension, names, error), { blamed, retry }))
}

test('listeners are not sent again: Envoy takes the good ones of a response', () => {
  assert.deepEqual(blame(TypeUrl.listener, ['a', 'b'], 'b: no'), { blamed: ['b'], retry: [] })
})

test('names are found at their ends', () => {
  assert.equal(mentions('resource(s) ns.a: x', 'ns.a'), true)
  assert.equal(mentions('the end is ns.a.', 'ns.a'), true)
  assert.equal(mentions('ns.a.b: x', 'ns.a'), false)
  assert.equal(mentions('xns.a: x', 'ns.a'), false)
  assert.equal(mentions('xns.a, ns.a', 'ns.a'), true)
})

function server(nacks: Rejection[]) {
  const ads = new AdsServer({ onNack: (rejection) => nacks.push(rejection) })
  const resources = named(['x', extension('x')], ['y', extension('y')], ['z', extension('z')])
  ads.setSnapshot('n', { [TypeUrl.extension]: resources }, '1')
  return memoryTransport(ads)
}

const errorDetail = { code: 13, message: 'y: bad' }

test('the good resources of a refused response come again', async () => {
  const nacks: Rejection[] = []
  const stream = server(nacks).connect()
  const got: DiscoveryResponse[] = []
  stream.onMessage((response) => got.push(response))
  const request = { typeUrl: TypeUrl.extension, resourceNames: ['x', 'y', 'z'] }
  stream.send(create(DiscoveryRequestSchema, { ...request, node: { id: 'n' } }))
  await settle()
  stream.send(create(DiscoveryRequestSchema, { ...request, responseNonce: got[0].nonce, errorDetail }))
  await settle()
  assert.deepEqual(
    got.map(({ resources }) => resources.map(resourceName)),
    [
      ['x', 'y', 'z'],
      ['x', 'z'],
    ],
  )
  stream.send(create(DiscoveryRequestSchema, { ...request, responseNonce: got[1].nonce, versionInfo: '1' }))
  await settle()
  assert.equal(got.length, 2)
  assert.deepEqual(
    nacks.map(({ blamed }) => blamed),
    [['y']],
  )
})

test('delta: the same', async () => {
  const nacks: Rejection[] = []
  const stream = server(nacks).connectDelta()
  const got: DeltaDiscoveryResponse[] = []
  stream.onMessage((response) => got.push(response))
  const typeUrl = TypeUrl.extension
  stream.send(
    create(DeltaDiscoveryRequestSchema, { typeUrl, node: { id: 'n' }, resourceNamesSubscribe: ['x', 'y', 'z'] }),
  )
  await settle()
  stream.send(create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce: got[0].nonce, errorDetail }))
  await settle()
  assert.deepEqual(
    got.map(({ resources }) => resources.map(({ name }) => name)),
    [
      ['x', 'y', 'z'],
      ['x', 'z'],
    ],
  )
})
