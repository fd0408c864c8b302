/** HTTP/2 with real peers: grpc-js, h2load and curl in front, Envoy in the middle, grpc-js behind. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { bootstrap, cluster, HTTP2_LISTENER, HTTP2_UPSTREAM, listener } from '../conformance/bootstrap.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy, h2load } from '../peers/index.ts'
import { within } from '../within.ts'

const run = promisify(execFile)
const same = (bytes: Buffer) => bytes
const method = (path: string, stream: boolean) => ({
  path,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
})
const UNARY = method('/test.Echo/Unary', false)
const BIDI = method('/test.Echo/Bidi', true)
const SERVICE: ServiceDefinition = { unary: UNARY, bidi: BIDI }

/** Repeats what it gets; fails when it is told to. */
function echo(): Server {
  const server = new Server({ 'grpc.max_receive_message_length': -1 })
  server.addService(SERVICE, {
    unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      if (call.metadata.get('fail').length > 0) done({ code: status.NOT_FOUND, details: 'as asked' })
      else {
        const trailers = new Metadata()
        trailers.set('x-trailer-bin', Buffer.from([0, 255, 1]))
        done(null, call.request, trailers)
      }
    },
    bidi: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (data: Buffer) => call.write(data))
      call.on('end', () => call.end())
    },
  })
  return server
}

const toUp = [{ match: { prefix: '/' }, route: { cluster: 'up', timeout: '0s' } }]
const hop = (port: number, rest: object = HTTP2_UPSTREAM) =>
  bootstrap([listener('web', toUp, HTTP2_LISTENER)], [cluster('up', port, rest)])

const peer = await envoy()
const loader = await h2load()

describe('HTTP/2 with its peers', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-h2-peers-'))
  const server = echo()
  const plain = createServer((request, response) => {
    request.resume().on('end', () => response.end(`hello ${request.url}`))
  })
  const hops: RunningProxy[] = []
  let web: RunningProxy
  let client: Client

  before(async () => {
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    hops.push(await startSluice(hop(port)))
    const last = () => hops[hops.length - 1].ports.get('web') as number
    if (peer.skip === false) {
      hops.push(await startEnvoy(peer.path, hop(last()), dir))
      hops.push(await startSluice(hop(last())))
    }
    client = new Client(`127.0.0.1:${last()}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    })
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    web = await startSluice(hop((plain.address() as AddressInfo).port, {}))
  })

  after(async () => {
    client.close()
    server.forceShutdown()
    for (const one of hops.reverse()) await one.stop()
    await web.stop()
    plain.closeAllConnections()
    plain.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const unary = (message: Buffer, metadata = new Metadata()) => {
    const answered = new Promise<{ message: Buffer; trailers: Metadata | undefined }>((resolve, reject) => {
      let trailers: Metadata | undefined
      const call = client.makeUnaryRequest(UNARY.path, same, same, message, metadata, (error, answer) => {
        // The status comes behind the answer.
        if (error !== null) reject(error)
        else setImmediate(() => resolve({ message: answer as Buffer, trailers }))
      })
      call.on('status', (told) => {
        trailers = told.metadata
      })
    })
    return within('the answer to a call', answered)
  }

  test('gRPC unary calls, many at a time, with trailers', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => unary(Buffer.alloc(i * 97, i))))
    for (const [i, { message }] of answers.entries()) assert.ok(message.equals(Buffer.alloc(i * 97, i)))
    assert.deepEqual(answers[0].trailers?.get('x-trailer-bin'), [Buffer.from([0, 255, 1])])
  })

  test('a gRPC message larger than every window', async () => {
    const large = Buffer.alloc(5_000_000, 7)
    assert.ok((await unary(large)).message.equals(large))
  })

  test('gRPC errors keep their code and text', async () => {
    const metadata = new Metadata()
    metadata.set('fail', '1')
    await assert.rejects(unary(Buffer.alloc(1), metadata), { code: status.NOT_FOUND, details: 'as asked' })
  })

  test('gRPC streams both ways, one message after the other', async () => {
    const call = client.makeBidiStreamRequest(BIDI.path, same, same, new Metadata())
    const seen: string[] = []
    const ended = new Promise<void>((resolve, reject) => {
      call.on('error', reject)
      call.on('end', resolve)
      call.on('data', (data: Buffer) => {
        seen.push(data.toString())
        if (seen.length < 50) call.write(Buffer.from(String(seen.length)))
        else call.end()
      })
      call.write(Buffer.from('0'))
    })
    await within('the end of a stream', ended, () => `${seen.length} messages have come`)
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, i) => String(i)),
    )
  })

  test('cancelled gRPC streams leave nothing behind', async () => {
    for (let i = 0; i < 20; i++) {
      const call = client.makeBidiStreamRequest(BIDI.path, same, same, new Metadata())
      call.on('error', () => {})
      call.write(Buffer.alloc(10_000))
      await within('the first message', once(call, 'data'))
      call.cancel()
    }
    assert.equal((await unary(Buffer.from('still'))).message.toString(), 'still')
  })

  test('h2load: 20,000 requests, none fails', { skip: loader.skip }, async () => {
    const url = `http://127.0.0.1:${web.ports.get('web')}/a`
    const { stdout } = await run(loader.path, ['-n', '20000', '-c', '8', '-m', '32', url])
    assert.match(stdout, /20000 succeeded, 0 failed, 0 errored, 0 timeout/)
  })

  test('curl, with prior knowledge and a body', async () => {
    const url = `http://127.0.0.1:${web.ports.get('web')}/b`
    const { stdout } = await run('curl', [
      '-s',
      '--http2-prior-knowledge',
      '-d',
      'x'.repeat(100_000),
      '-w',
      ' %{http_version}',
      url,
    ])
    assert.equal(stdout, 'hello /b 2')
  })
})
