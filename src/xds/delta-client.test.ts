import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { DurationSchema } from '@bufbuild/protobuf/wkt'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { AdsClient } from './ads-client.ts'
import { StreamEnd } from './stream-end.ts'
import { cluster, extension, settle, until } from './testing.ts'
import { TypeUrl } from './type-urls.ts'

/** A client whose server says what it is told to say. */
function world() {
  const requests: DeltaDiscoveryRequest[] = []
  const got: [string[], readonly string[] | undefined][] = []
  const refused = new Set<string>()
  let stream: StreamEnd<DeltaDiscoveryRequest, DeltaDiscoveryResponse>
  const client = new AdsClient({
    transport: {
      connect: () => assert.fail(),
      connectDelta() {
        requests.length = 0
        stream = new StreamEnd<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(
          (request) => requests.push(request),
          () => {},
        )
        return stream
      },
    },
    node: create(NodeSchema, { id: 'n' }),
    delta: true,
    initialBackoffMs: 0,
    maxBackoffMs: 0,
  })
  for (const type of [TypeUrl.cluster, TypeUrl.extension]) {
    client.handle(type, (resources, _, removed) => {
      got.push([resources.map(({ name, version }) => `${name}@${version}`), removed])
      return resources.flatMap(({ name }) => (refused.has(name) ? [{ name, reason: 'bad' }] : []))
    })
  }
  let nonce = 0
  const make: Record<string, typeof cluster> = { [TypeUrl.cluster]: cluster, [TypeUrl.extension]: extension }
  /** `a@1`: this name in this version. */
  const say = (typeUrl: string, resources: readonly string[], removedResources: string[] = []) => {
    const made = resources.map((one) => {
      const [name, version] = one.split('@')
      return create(ResourceSchema, { name, version, resource: make[typeUrl](name) })
    })
    respond(create(DeltaDiscoveryResponseSchema, { typeUrl, resources: made, removedResources }))
  }
  const respond = (response: DeltaDiscoveryResponse) => stream.deliver({ ...response, nonce: String(++nonce) })
  const said = () =>
    requests.splice(0).map(({ resourceNamesSubscribe, resourceNamesUnsubscribe, responseNonce, errorDetail }) => ({
      add: resourceNamesSubscribe.join(' '),
      drop: resourceNamesUnsubscribe.join(' '),
      nonce: responseNonce,
      refusal: errorDetail?.message ?? '',
    }))
  const cut = async () => {
    requests.length = 0
    stream.ended()
    await until(() => requests.length > 0)
  }
  return { client, requests, got, refused, say, respond, said, cut }
}

test('everything is asked for by no names, names as they come and go, and each answer by its nonce', async () => {
  const { client, requests, got, say, said } = world()
  client.subscribe(TypeUrl.cluster)
  client.subscribe(TypeUrl.extension, ['x', 'y'])
  client.start()
  assert.deepEqual(
    requests.map(({ node }) => node?.id),
    ['n', undefined],
  )
  const nothing = { add: '', drop: '', nonce: '', refusal: '' }
  assert.deepEqual(said(), [nothing, { ...nothing, add: 'x y' }])
  say(TypeUrl.extension, ['x@1'], ['y'])
  assert.deepEqual(said(), [{ ...nothing, nonce: '1' }])
  assert.deepEqual(got, [[['x@1'], ['y']]])
  client.unsubscribe(TypeUrl.extension, ['x'])
  client.subscribe(TypeUrl.extension, ['z'])
  await settle()
  assert.deepEqual(said(), [{ ...nothing, add: 'z', drop: 'x' }])
  client.close()
})

test('a name that is given up and wanted again within one turn is asked for again', async () => {
  const { client, say, said } = world()
  client.subscribe(TypeUrl.extension, ['x'])
  client.start()
  say(TypeUrl.extension, ['x@1'])
  said()
  client.unsubscribe(TypeUrl.extension, ['x'])
  client.subscribe(TypeUrl.extension, ['x'])
  await settle()
  assert.deepEqual(said(), [{ add: 'x', drop: '', nonce: '', refusal: '' }])
  client.unsubscribe(TypeUrl.extension, ['x'])
  client.subscribe(TypeUrl.extension, ['x'])
  client.unsubscribe(TypeUrl.extension, ['x'])
  await settle()
  assert.deepEqual(said(), [{ add: '', drop: 'x', nonce: '', refusal: '' }])
  client.close()
})

test('who comes back says what it has: nothing that was refused, taken away or given up', async () => {
  const { client, requests, refused, say, said, cut } = world()
  client.subscribe(TypeUrl.cluster)
  client.subscribe(TypeUrl.extension, ['x', 'y'])
  client.start()
  say(TypeUrl.cluster, ['a@1', 'b@1', 'c@1'])
  say(TypeUrl.extension, ['x@1', 'y@1'])
  refused.add('b')
  said()
  say(TypeUrl.cluster, ['a@2', 'b@2'], ['c'])
  assert.match(said()[0].refusal, /b: bad/)
  client.unsubscribe(TypeUrl.extension, ['y'])
  await cut()
  assert.deepEqual(
    requests.map(({ initialResourceVersions }) => initialResourceVersions),
    [{ a: '2', b: '1' }, { x: '1' }],
  )
  assert.deepEqual(
    said().map(({ add, drop }) => [add, drop]),
    [
      ['', ''],
      ['x', ''],
    ],
  )
  client.close()
})

test('of a response that says two things of one name nothing counts', () => {
  const { client, got, say, said } = world()
  client.subscribe(TypeUrl.cluster)
  client.start()
  said()
  say(TypeUrl.cluster, ['a@1', 'b@1'], ['a'])
  say(TypeUrl.cluster, ['a@1', 'a@2'])
  for (const { refusal } of said()) assert.match(refusal, /two things of "a"/)
  assert.deepEqual(got, [])
  client.close()
})

test('heartbeats and aliases that lead nowhere change nothing; any other without content is handed over', () => {
  const { client, got, respond, said } = world()
  client.subscribe(TypeUrl.extension, ['x', 'y', 'z'])
  client.start()
  said()
  const ttl = create(DurationSchema, { seconds: 1n })
  const resources = [
    create(ResourceSchema, { name: 'x', version: '1', ttl }),
    create(ResourceSchema, { name: 'y', aliases: ['z'] }),
    create(ResourceSchema, { name: 'z', version: '1' }),
  ]
  respond(create(DeltaDiscoveryResponseSchema, { typeUrl: TypeUrl.extension, resources }))
  assert.deepEqual(got, [[['z@1'], []]])
  client.close()
})
