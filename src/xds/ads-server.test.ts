import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { AdsServer } from './ads-server.ts'
import { memoryTransport } from './memory-transport.ts'
import { resourceName } from './resource-name.ts'
import type { Outcome, Rejection } from './server-events.ts'
import { cluster, extension, named, settle } from './testing.ts'
import { shortType, TypeUrl } from './type-urls.ts'

interface Request {
  typeUrl: string
  resourceNames?: string[]
  versionInfo?: string
  responseNonce?: string
  errorDetail?: { code: number; message: string }
}

interface DeltaRequest {
  typeUrl: string
  resourceNamesSubscribe?: string[]
  resourceNamesUnsubscribe?: string[]
  initialResourceVersions?: Record<string, string>
  responseNonce?: string
}

function server() {
  const acks: Outcome[] = []
  const nacks: Rejection[] = []
  const ads = new AdsServer({ onAck: (outcome) => acks.push(outcome), onNack: (rejection) => nacks.push(rejection) })
  const transport = memoryTransport(ads)
  return { ads, transport, acks, nacks }
}

function sotw(transport: ReturnType<typeof memoryTransport>) {
  const stream = transport.connect()
  const got: DiscoveryResponse[] = []
  let closed: Error | undefined | null = null
  stream.onMessage((response) => got.push(response))
  stream.onClose((error) => {
    closed = error
  })
  let first = true
  const send = async (request: Request) => {
    stream.send(create(DiscoveryRequestSchema, { ...request, node: first ? { id: 'n' } : undefined }))
    first = false
    await settle()
    return got.splice(0)
  }
  return { stream, got, send, closed: () => closed, take: async () => settle().then(() => got.splice(0)) }
}

const names = (response: DiscoveryResponse) => response.resources.map((any: Any) => resourceName(any))
const clusters = (...list: string[]) => ({
  [TypeUrl.cluster]: named(...list.map((n) => [n, cluster(n)] as [string, Any])),
})
const extensions = (content: Record<string, string>) => ({
  [TypeUrl.extension]: named(...Object.entries(content).map(([n, v]) => [n, extension(n, v)] as [string, Any])),
})

test('a stream without a node is refused', async () => {
  const { transport } = server()
  const stream = transport.connect()
  let error: Error | undefined
  stream.onClose((reason) => {
    error = reason
  })
  stream.send(create(DiscoveryRequestSchema, { typeUrl: TypeUrl.cluster }))
  await settle()
  assert.match(String(error), /must carry the node/)
})

test('no names ask for all clusters, and an empty set is answered', async () => {
  const { ads, transport } = server()
  const { send, take } = sotw(transport)
  assert.deepEqual(await send({ typeUrl: TypeUrl.cluster }), [], 'no snapshot yet')
  ads.setSnapshot('n', {}, '1')
  const [empty] = await take()
  assert.deepEqual(names(empty), [])
  assert.deepEqual(await send({ typeUrl: TypeUrl.cluster, versionInfo: '1', responseNonce: empty.nonce }), [])
  ads.setSnapshot('n', clusters('a', 'b'), '2')
  const [both] = await take()
  assert.deepEqual(names(both), ['a', 'b'])
  assert.equal(both.versionInfo, '2')
  ads.setSnapshot('n', clusters('b'), '3')
  assert.deepEqual((await take()).map(names), [['b']], 'absence is removal')
})

test('equal content is not sent again, whatever its version', async () => {
  const { ads, transport } = server()
  const { send, take } = sotw(transport)
  ads.setSnapshot('n', clusters('a'), '1')
  assert.equal((await send({ typeUrl: TypeUrl.cluster })).length, 1)
  ads.setSnapshot('n', clusters('a'), '2')
  assert.deepEqual(await take(), [])
})

test('of named types only what changed is sent, and what does not exist is not answered', async () => {
  const { ads, transport } = server()
  const { send, take } = sotw(transport)
  ads.setSnapshot('n', extensions({ x: '1', y: '1', z: '1' }), '1')
  const [first] = await send({ typeUrl: TypeUrl.extension, resourceNames: ['x', 'y', 'missing'] })
  assert.deepEqual(names(first), ['x', 'y'])
  ads.setSnapshot('n', extensions({ x: '1', y: '2', z: '2' }), '2')
  assert.deepEqual((await take()).map(names), [['y']])
  assert.deepEqual(await send({ typeUrl: TypeUrl.extension, resourceNames: ['missing'], responseNonce: '2' }), [])
})

test('added names are answered, removed ones are not, a repeated request gets everything again', async () => {
  const { ads, transport } = server()
  const { send } = sotw(transport)
  ads.setSnapshot('n', extensions({ x: '1', y: '1' }), '1')
  const ask = (resourceNames: string[], responseNonce: string) =>
    send({ typeUrl: TypeUrl.extension, resourceNames, responseNonce })
  const [one] = await ask(['x'], '')
  assert.deepEqual(await ask(['x'], one.nonce), [], 'the ACK')
  const [two] = await ask(['x', 'y'], one.nonce)
  assert.deepEqual(names(two), ['y'])
  assert.deepEqual(await ask(['x', 'y'], two.nonce), [], 'the ACK')
  assert.deepEqual(await ask(['y'], two.nonce), [], 'removal')
  const [again] = await ask(['y'], two.nonce)
  assert.deepEqual(names(again), ['y'], 'Envoy asks again for what it warms anew')
})

test('names added in an ACK are answered', async () => {
  const { ads, transport } = server()
  const { send } = sotw(transport)
  ads.setSnapshot('n', extensions({ x: '1', y: '1' }), '1')
  const [one] = await send({ typeUrl: TypeUrl.extension, resourceNames: ['x'] })
  const [two] = await send({ typeUrl: TypeUrl.extension, resourceNames: ['x', 'y'], responseNonce: one.nonce })
  assert.deepEqual(names(two), ['y'])
})

test('a request with an old nonce reports its ACK but changes nothing', async () => {
  const { ads, transport, acks } = server()
  const { send, take } = sotw(transport)
  ads.setSnapshot('n', extensions({ x: '1', y: '1' }), '1')
  const [one] = await send({ typeUrl: TypeUrl.extension, resourceNames: ['x'] })
  ads.setSnapshot('n', extensions({ x: '2', y: '1' }), '2')
  const [two] = await take()
  assert.deepEqual(await send({ typeUrl: TypeUrl.extension, resourceNames: ['x', 'y'], responseNonce: one.nonce }), [])
  assert.deepEqual(
    acks.map((ack) => [ack.version, ack.names]),
    [['1', ['x']]],
  )
  const [three] = await send({ typeUrl: TypeUrl.extension, resourceNames: ['x', 'y'], responseNonce: two.nonce })
  assert.deepEqual(names(three), ['y'], 'the names come with the newer answer')
})

test('a NACK is reported with what it refuses and nothing is sent until the content changes', async () => {
  const { ads, transport, nacks, acks } = server()
  const { send, take } = sotw(transport)
  ads.setSnapshot('n', extensions({ x: 'bad' }), '1')
  const [one] = await send({ typeUrl: TypeUrl.extension, resourceNames: ['x'] })
  const nack = { code: 13, message: 'no good' }
  const request = { typeUrl: TypeUrl.extension, resourceNames: ['x'], responseNonce: one.nonce, errorDetail: nack }
  assert.deepEqual(await send(request), [])
  assert.equal(nacks.length, 1)
  assert.deepEqual(
    { version: nacks[0].version, names: nacks[0].names, error: nacks[0].error, node: nacks[0].connection.nodeId },
    { version: '1', names: ['x'], error: 'no good', node: 'n' },
  )
  ads.setSnapshot('n', extensions({ x: 'bad' }), '2')
  assert.deepEqual(await take(), [])
  ads.setSnapshot('n', extensions({ x: 'good' }), '3')
  const [three] = await take()
  await send({ typeUrl: TypeUrl.extension, resourceNames: ['x'], responseNonce: three.nonce, versionInfo: '3' })
  assert.deepEqual(
    acks.map((ack) => ack.version),
    ['3'],
  )
})

test('types of one snapshot are sent in make-before-break order', async () => {
  const { ads, transport } = server()
  const { send, take } = sotw(transport)
  ads.setSnapshot('n', {}, '0')
  for (const typeUrl of [TypeUrl.extension, TypeUrl.route, TypeUrl.listener, TypeUrl.endpoint, TypeUrl.cluster]) {
    await send({ typeUrl, resourceNames: ['r'] })
  }
  const all = Object.fromEntries(
    [TypeUrl.extension, TypeUrl.route, TypeUrl.listener, TypeUrl.endpoint, TypeUrl.cluster].map((typeUrl) => [
      typeUrl,
      named(['r', { ...cluster('r'), typeUrl }]),
    ]),
  )
  ads.setSnapshot('n', all, '1')
  assert.deepEqual(
    (await take()).map((r) => shortType(r.typeUrl)),
    ['cds', 'eds', 'lds', 'rds', 'ecds'],
  )
})

test('a cluster goes after the routes that led to it', async () => {
  const { ads, transport } = server()
  const { send, take } = sotw(transport)
  const both = (name: string) => ({
    [TypeUrl.cluster]: named([name, cluster(name)]),
    [TypeUrl.route]: named(['r', { ...cluster('r', name), typeUrl: TypeUrl.route }]),
  })
  ads.setSnapshot('n', both('old'), '1')
  await send({ typeUrl: TypeUrl.cluster })
  await send({ typeUrl: TypeUrl.route, resourceNames: ['r'] })
  ads.setSnapshot('n', both('new'), '2')
  assert.deepEqual(
    (await take()).map((response) => [shortType(response.typeUrl), names(response)]),
    [
      ['cds', ['new', 'old']],
      ['rds', ['r']],
      ['cds', ['new']],
    ],
  )
})

test('two streams of one node are both served; a closed one is forgotten', async () => {
  const { ads, transport } = server()
  const one = sotw(transport)
  const two = sotw(transport)
  ads.setSnapshot('n', clusters('a'), '1')
  await one.send({ typeUrl: TypeUrl.cluster })
  await two.send({ typeUrl: TypeUrl.cluster })
  ads.setSnapshot('n', clusters('b'), '2')
  assert.equal((await one.take()).length, 1)
  assert.equal((await two.take()).length, 1)
  one.stream.close()
  await settle()
  assert.equal(ads.connections().length, 1)
})

function delta(transport: ReturnType<typeof memoryTransport>) {
  const stream = transport.connectDelta()
  const got: DeltaDiscoveryResponse[] = []
  stream.onMessage((response) => got.push(response))
  const send = async (request: DeltaRequest) => {
    stream.send(create(DeltaDiscoveryRequestSchema, { node: { id: 'n' }, ...request }))
    await settle()
    return got.splice(0).map(brief)
  }
  return { send, take: async () => settle().then(() => got.splice(0).map(brief)) }
}

function brief(response: DeltaDiscoveryResponse) {
  return {
    names: response.resources.map((resource) => resource.name),
    removed: response.removedResources,
    nonce: response.nonce,
  }
}

test('delta: only differences travel, removals by name', async () => {
  const { ads, transport, acks } = server()
  const { send, take } = delta(transport)
  ads.setSnapshot('n', clusters('a', 'b'), '1')
  const [first] = await send({ typeUrl: TypeUrl.cluster })
  assert.deepEqual(first.names, ['a', 'b'])
  assert.deepEqual(await send({ typeUrl: TypeUrl.cluster, responseNonce: first.nonce }), [])
  assert.equal(acks.length, 1)
  ads.setSnapshot('n', clusters('b', 'c'), '2')
  const [second] = await take()
  assert.deepEqual([second.names, second.removed], [['c'], ['a']])
})

test('delta: a missing name is answered at once, and sent when it appears', async () => {
  const { ads, transport } = server()
  const { send, take } = delta(transport)
  ads.setSnapshot('n', extensions({ x: '1' }), '1')
  const [first] = await send({ typeUrl: TypeUrl.extension, resourceNamesSubscribe: ['x', 'y'] })
  assert.deepEqual([first.names, first.removed], [['x'], ['y']])
  ads.setSnapshot('n', extensions({ x: '1', y: '1' }), '2')
  assert.deepEqual((await take())[0].names, ['y'])
})

test('delta: what a reconnecting client holds is not sent again, what is gone is removed', async () => {
  const { ads, transport } = server()
  ads.setSnapshot('n', clusters('a', 'b'), '1')
  const probe = transport.connectDelta()
  const seen: DeltaDiscoveryResponse[] = []
  probe.onMessage((response) => seen.push(response))
  probe.send(create(DeltaDiscoveryRequestSchema, { node: { id: 'n' }, typeUrl: TypeUrl.cluster }))
  await settle()
  const held = Object.fromEntries(seen[0].resources.map((resource) => [resource.name, resource.version]))
  const { send } = delta(transport)
  ads.setSnapshot('n', clusters('b', 'c'), '2')
  const [first] = await send({ typeUrl: TypeUrl.cluster, initialResourceVersions: { ...held, old: 'v' } })
  assert.deepEqual([first.names, first.removed.toSorted()], [['c'], ['a', 'old']])
})

test('delta: unsubscribing stops, subscribing again resends', async () => {
  const { ads, transport } = server()
  const { send, take } = delta(transport)
  ads.setSnapshot('n', extensions({ x: '1' }), '1')
  await send({ typeUrl: TypeUrl.extension, resourceNamesSubscribe: ['x'] })
  assert.deepEqual(await send({ typeUrl: TypeUrl.extension, resourceNamesUnsubscribe: ['x'] }), [])
  ads.setSnapshot('n', extensions({ x: '2' }), '2')
  assert.deepEqual(await take(), [])
  assert.deepEqual((await send({ typeUrl: TypeUrl.extension, resourceNamesSubscribe: ['x'] }))[0].names, ['x'])
  assert.deepEqual((await send({ typeUrl: TypeUrl.extension, resourceNamesSubscribe: ['x'] }))[0].names, ['x'])
})
