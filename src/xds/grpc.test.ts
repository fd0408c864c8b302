import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import * as grpc from '@grpc/grpc-js'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { AdsClient } from './ads-client.ts'
import { AdsServer } from './ads-server.ts'
import { type GrpcServer, serveGrpc } from './grpc-server.ts'
import { grpcTransport } from './grpc-transport.ts'
import type { Outcome, Rejection } from './server-events.ts'
import { cluster, named, until } from './testing.ts'
import { TypeUrl } from './type-urls.ts'

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService'
const opened: { close(): unknown }[] = []
after(() => Promise.all(opened.map((thing) => thing.close())))

async function listen(events = {}): Promise<{ ads: AdsServer; server: GrpcServer }> {
  const ads = new AdsServer(events)
  const server = await serveGrpc(ads, '127.0.0.1', 0)
  opened.push(server)
  return { ads, server }
}

function client(port: number): AdsClient {
  const client = new AdsClient({
    transport: grpcTransport(`127.0.0.1:${port}`),
    node: create(NodeSchema, { id: 'n' }),
    initialBackoffMs: 10,
    maxBackoffMs: 20,
  })
  opened.push(client)
  return client
}

test('our client and our server over gRPC: push, ACK, NACK', async () => {
  const acks: Outcome[] = []
  const nacks: Rejection[] = []
  const { ads, server } = await listen({
    onAck: (outcome: Outcome) => acks.push(outcome),
    onNack: (rejection: Rejection) => nacks.push(rejection),
  })
  ads.setSnapshot('n', { [TypeUrl.cluster]: named(['a', cluster('a')]) }, '1')
  const ours = client(server.port)
  ours.handle(TypeUrl.cluster, (resources) =>
    resources.filter(({ name }) => name === 'bad').map(({ name }) => ({ name, reason: 'by name' })),
  )
  ours.subscribe(TypeUrl.cluster)
  ours.start()
  await until(() => acks.length === 1)
  ads.setSnapshot('n', { [TypeUrl.cluster]: named(['bad', cluster('bad')]) }, '2')
  await until(() => nacks.length === 1)
  assert.match(nacks[0].error, /bad: by name/)
})

test('the client outlives its server and finds the next one on the same port', async () => {
  const first = await listen()
  const port = first.server.port
  const states: string[] = []
  const got: string[] = []
  const ours = new AdsClient({
    transport: grpcTransport(`127.0.0.1:${port}`),
    node: create(NodeSchema, { id: 'n' }),
    initialBackoffMs: 10,
    maxBackoffMs: 20,
    onState: (state) => states.push(state),
  })
  opened.push(ours)
  ours.handle(TypeUrl.cluster, (resources) => {
    got.push(resources.map(({ name }) => name).join())
    return []
  })
  ours.subscribe(TypeUrl.cluster)
  first.ads.setSnapshot('n', { [TypeUrl.cluster]: named(['a', cluster('a')]) }, '1')
  ours.start()
  await until(() => got.length === 1)
  await first.server.close()
  await until(() => states.includes('disconnected'))
  const second = new AdsServer()
  second.setSnapshot('n', { [TypeUrl.cluster]: named(['b', cluster('b')]) }, '1')
  opened.push(await serveGrpc(second, '127.0.0.1', port))
  await until(() => got.length === 2)
  assert.deepEqual(got, ['a', 'b'])
})

test('a taken port is told with its number', async () => {
  const { server } = await listen()
  await assert.rejects(serveGrpc(new AdsServer(), '127.0.0.1', server.port), (error: Error) => {
    assert.match(error.message, new RegExp(`:${server.port}`))
    return true
  })
})

test('a gRPC client of another make is served, state of the world and delta', async () => {
  const acks: Outcome[] = []
  const { ads, server } = await listen({ onAck: (outcome: Outcome) => acks.push(outcome) })
  ads.setSnapshot('n', { [TypeUrl.cluster]: named(['a', cluster('a')]) }, '1')
  const peer = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure())
  opened.push(peer)
  const stream = peer.makeBidiStreamRequest(
    `${SERVICE}/StreamAggregatedResources`,
    (request: DiscoveryRequest) => Buffer.from(toBinary(DiscoveryRequestSchema, request)),
    (bytes) => fromBinary(DiscoveryResponseSchema, bytes),
  )
  stream.on('error', () => {})
  const got: DiscoveryResponse[] = []
  stream.on('data', (response) => {
    got.push(response)
    const { typeUrl, nonce, versionInfo } = response
    stream.write(create(DiscoveryRequestSchema, { typeUrl, responseNonce: nonce, versionInfo }))
  })
  stream.write(create(DiscoveryRequestSchema, { node: { id: 'n' }, typeUrl: TypeUrl.cluster }))
  await until(() => acks.length === 1)
  assert.equal(got[0].resources.length, 1)
  stream.cancel()

  const delta = peer.makeBidiStreamRequest(
    `${SERVICE}/DeltaAggregatedResources`,
    (request: DeltaDiscoveryRequest) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)),
    (bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
  )
  delta.on('error', () => {})
  const names: string[] = []
  delta.on('data', (response) => {
    for (const resource of response.resources) names.push(resource.name)
  })
  delta.write(create(DeltaDiscoveryRequestSchema, { node: { id: 'n' }, typeUrl: TypeUrl.cluster }))
  await until(() => names.length === 1)
  delta.cancel()
  await until(() => ads.connections().length === 0)
})

test('our client is content with a server of another make', async () => {
  const requests: { version: string; error: string | undefined }[] = []
  const peer = new grpc.Server()
  const method = {
    path: `${SERVICE}/StreamAggregatedResources`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (request: never) => Buffer.from(toBinary(DiscoveryRequestSchema, request)),
    requestDeserialize: (bytes: Buffer) => fromBinary(DiscoveryRequestSchema, bytes),
    responseSerialize: (response: never) => Buffer.from(toBinary(DiscoveryResponseSchema, response)),
    responseDeserialize: (bytes: Buffer) => fromBinary(DiscoveryResponseSchema, bytes),
  }
  let version = 0
  peer.addService({ StreamAggregatedResources: method } as unknown as grpc.ServiceDefinition, {
    StreamAggregatedResources: (call: grpc.ServerDuplexStream<unknown, DiscoveryResponse>) => {
      call.on('data', (request) => {
        requests.push({ version: request.versionInfo, error: request.errorDetail?.message })
        if (version === 2) return
        const versionInfo = String(++version)
        const resources = [cluster(version === 1 ? 'good' : 'bad')]
        call.write(
          create(DiscoveryResponseSchema, { typeUrl: TypeUrl.cluster, versionInfo, nonce: versionInfo, resources }),
        )
      })
      call.on('error', () => {})
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    peer.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  opened.push({ close: () => peer.forceShutdown() })
  const ours = client(port)
  ours.handle(TypeUrl.cluster, (resources) =>
    resources.filter(({ name }) => name === 'bad').map(({ name }) => ({ name, reason: 'by name' })),
  )
  ours.subscribe(TypeUrl.cluster)
  ours.start()
  await until(() => requests.length === 3)
  assert.deepEqual(
    requests.map(({ version }) => version),
    ['', '1', '1'],
  )
  assert.deepEqual(
    requests.map(({ error }) => error !== undefined),
    [false, false, true],
  )
})
