import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { AdsClient } from './ads-client.ts'
import { AdsServer } from './ads-server.ts'
import type { RejectedResource } from './delivery.ts'
import { memoryTransport } from './memory-transport.ts'
import type { Outcome, Rejection } from './server-events.ts'
import { cluster, extension, named, settle, until } from './testing.ts'
import { TypeUrl } from './type-urls.ts'

function pair() {
  const acks: Outcome[] = []
  const nacks: Rejection[] = []
  const ads = new AdsServer({ onAck: (outcome) => acks.push(outcome), onNack: (rejection) => nacks.push(rejection) })
  const got: string[][] = []
  let answer: () => readonly RejectedResource[] | Promise<readonly RejectedResource[]> = () => []
  const client = new AdsClient({
    transport: memoryTransport(ads),
    node: create(NodeSchema, { id: 'n' }),
    initialBackoffMs: 1,
  })
  const take = (resources: readonly { name: string }[]) => {
    got.push(resources.map((resource) => resource.name))
    return answer()
  }
  client.handle(TypeUrl.cluster, take).handle(TypeUrl.extension, take)
  const reply = (next: typeof answer) => {
    answer = next
  }
  return { ads, client, acks, nacks, got, reply }
}

test('everything of a type is handed over and ACKed', async () => {
  const { ads, client, acks, got } = pair()
  ads.setSnapshot('n', { [TypeUrl.cluster]: named(['a', cluster('a')], ['b', cluster('b')]) }, '1')
  client.subscribe(TypeUrl.cluster)
  client.start()
  await until(() => acks.length === 1)
  assert.deepEqual(got, [['a', 'b']])
  assert.equal(client.version(TypeUrl.cluster), '1')
  client.close()
})

test('one NACK names every refused resource, and the version stays', async () => {
  const { ads, client, acks, nacks, reply } = pair()
  const set = (version: string) =>
    ads.setSnapshot(
      'n',
      { [TypeUrl.cluster]: named(['a', cluster('a', version)], ['b', cluster('b', version)]) },
      version,
    )
  set('1')
  client.subscribe(TypeUrl.cluster)
  client.start()
  await until(() => acks.length === 1)
  reply(() => [
    { name: 'a', reason: 'too round' },
    { name: 'b', reason: 'too flat' },
  ])
  set('2')
  await until(() => nacks.length === 1)
  assert.match(nacks[0].error, /a: too round\n.*b: too flat/)
  assert.equal(client.version(TypeUrl.cluster), '1')
  reply(() => {
    throw new Error('broken handler')
  })
  set('3')
  await until(() => nacks.length === 2)
  assert.match(nacks[1].error, /broken handler/)
  client.close()
})

test('responses of one type wait for each other, of different types do not', async () => {
  const { ads, client, acks, got, reply } = pair()
  const slow = Promise.withResolvers<RejectedResource[]>()
  reply(() => slow.promise)
  ads.setSnapshot('n', { [TypeUrl.extension]: named(['x', extension('x', '1')]) }, '1')
  client.subscribe(TypeUrl.extension, ['x'])
  client.start()
  await until(() => got.length === 1)
  reply(() => [])
  const clusters = named(['a', cluster('a')])
  ads.setSnapshot('n', { [TypeUrl.extension]: named(['x', extension('x', '2')]), [TypeUrl.cluster]: clusters }, '2')
  client.subscribe(TypeUrl.cluster)
  await until(() => acks.length === 1)
  assert.deepEqual(got, [['x'], ['a']])
  slow.resolve([])
  await until(() => acks.length === 3)
  assert.deepEqual(
    acks.map((ack) => ack.version),
    ['2', '1', '2'],
  )
  client.close()
})

test('after a lost stream the client connects and asks again', async () => {
  const { ads, client, acks, got } = pair()
  ads.setSnapshot('n', { [TypeUrl.extension]: named(['x', extension('x')], ['y', extension('y')]) }, '1')
  client.subscribe(TypeUrl.extension, ['x'])
  client.start()
  await until(() => acks.length === 1)
  ads.connections()[0].close()
  client.subscribe(TypeUrl.extension, ['y'])
  await until(() => got.length >= 2 && got.at(-1)?.length === 2)
  assert.deepEqual(got.at(-1), ['x', 'y'])
  client.close()
  await settle()
  assert.equal(ads.connections().length, 0)
})

test('unsubscribed names are no longer sent', async () => {
  const { ads, client, acks, got } = pair()
  const set = (value: string) =>
    ads.setSnapshot(
      'n',
      { [TypeUrl.extension]: named(['x', extension('x', value)], ['y', extension('y', value)]) },
      value,
    )
  set('1')
  client.subscribe(TypeUrl.extension, ['x', 'y'])
  client.start()
  await until(() => acks.length === 1)
  client.unsubscribe(TypeUrl.extension, ['x'])
  await settle()
  set('2')
  await until(() => acks.length === 2)
  assert.deepEqual(got, [['x', 'y'], ['y']])
  client.close()
})

test('subscribing again to the same asks for nothing', async () => {
  const { ads, client, acks, got } = pair()
  ads.setSnapshot('n', { [TypeUrl.extension]: named(['x', extension('x')]), [TypeUrl.cluster]: named() }, '1')
  client.subscribe(TypeUrl.extension, ['x'])
  client.subscribe(TypeUrl.cluster)
  client.start()
  await until(() => acks.length === 2)
  client.subscribe(TypeUrl.extension, ['x'])
  client.subscribe(TypeUrl.cluster)
  await settle()
  assert.equal(got.length, 2)
  client.close()
})
