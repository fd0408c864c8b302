/** gRPC callouts of a module to a real gRPC server, through a running proxy. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { cluster, FILTERS, get, H2_UPSTREAM, httpListener, portOf, testProxy, upstream } from '../../testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-grpc-'))
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

const echo: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  const seen = call.metadata.get('x-from').join()
  if (call.request.toString() === 'fail') done({ code: status.NOT_FOUND, details: 'no such thing' })
  else done(null, Buffer.from(`${call.request} from ${seen}`))
}

const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (message: Buffer) => call.write(Buffer.from(`<${message}>`)))
  call.on('end', () => {
    call.end(new Metadata())
  })
}

/** Serialized metadata with one pair. */
const METADATA = `\\01\\00\\00\\00\\06\\00\\00\\00\\06\\00\\00\\00x-from\\00module\\00`

/** Adds a text or what stands at a slot to `x-got` of the paused request. */
const got = (value: string) => `(drop (call $proxy_add_header_map_value (i32.const 0) (s "x-got") ${value}))`

const wake = `(drop (call $proxy_set_effective_context (global.get $id)))`
const message = `(drop (call $proxy_get_buffer_bytes (i32.const 5) (i32.const 0) (i32.const 1000) $slot0 $slot1))
  ${wake} ${got('(i32.load $slot0) (i32.load $slot1)')}`
const go = '(drop (call $proxy_continue_stream (i32.const 0)))'

const module = (call: string, more: string) => `(global $id (mut i32) (i32.const 0)) (global $n (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (global.set $id (local.get 0)) ${call} (i32.const 1))
  ${more}`

const unary = (text: string) =>
  module(
    `(drop (call $proxy_grpc_call (s "grpc") (s "test.Echo") (s "Say") (s "${METADATA}") (s "${text}") (i32.const 2000) $slot2))`,
    `(func (export "proxy_on_grpc_receive") (param i32 i32 i32) ${message} ${go})
     (func (export "proxy_on_grpc_close") (param i32 i32 i32)
       (if (i32.eq (local.get 2) (i32.const 5)) (then ${wake} ${got('(s "not found")')}))
       ${wake} ${go})`,
  )

/** Sends two messages, and half-closes; the answers come in their order, then the close. */
const STREAM = module(
  `(drop (call $proxy_grpc_stream (s "grpc") (s "test.Echo") (s "Chat") (s "${METADATA}") $slot2))
   (drop (call $proxy_grpc_send (i32.load $slot2) (s "one") (i32.const 0)))
   (drop (call $proxy_grpc_send (i32.load $slot2) (s "two") (i32.const 1)))`,
  `(func (export "proxy_on_grpc_receive") (param i32 i32 i32) ${message})
   (func (export "proxy_on_grpc_close") (param i32 i32 i32)
     ${wake} (if (i32.eqz (local.get 2)) (then ${got('(s "closed 0")')})) ${go})`,
)

describe('gRPC callouts', () => {
  const server = new Server()
  let port = 0
  before(async () => {
    server.addService(
      { Say: method('/test.Echo/Say', false), Chat: method('/test.Echo/Chat', true) },
      { Say: echo, Chat: chat },
    )
    port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
  })
  after(() => {
    server.forceShutdown()
    rmSync(folder, { recursive: true })
  })

  for (const [name, code, expected] of [
    ['unary: the message comes, with what the metadata said', unary('hello'), 'hello from module'],
    ['unary: the status of a failure comes', unary('fail'), 'not found'],
    ['stream: messages both ways, then the close', STREAM, '<one>, <two>, closed 0'],
  ]) {
    it(name, async () => {
      const file = join(folder, `${expected.length}.wasm`)
      writeFileSync(file, guest(code))
      const filter = `{ name: grpc, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: grpc, vm_config: { vm_id: "${file}", code: { local: { filename: "${file}" } } } } } }`
      const up = await upstream()
      const proxy = await testProxy(
        [httpListener({ filters: [filter] })],
        [cluster(up.port), cluster(port, H2_UPSTREAM, 'grpc')],
      )
      try {
        const answer = await get(portOf(proxy))
        assert.equal(answer.status, 200, answer.body)
        assert.equal(JSON.parse(answer.body).headers['x-got'], expected)
      } finally {
        await proxy.close()
        await up.close()
      }
    })
  }
})
