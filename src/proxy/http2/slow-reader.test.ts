import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import { cluster, httpListener, portOf, type Running, testProxy, upstream } from '../testing.ts'
import { Flag, FrameType, PREFACE } from './frame.ts'
import { frame } from './testing.ts'

const MB = 1 << 20
/** More than the kernel holds on a loopback connection. */
const SIZE = 24 * MB
/** No window holds the answer back, only the client's reading. */
const OPEN = 0x7fff_ffff - 0xffff
const GET_A = Buffer.from([0x82, 0x84, 0x86, 0x41, 1, 0x61])

let proxy: ProxyHandle
let up: Running

before(async () => {
  up = await upstream((_, response) => response.end(Buffer.alloc(SIZE)))
  const hcm =
    'codec_type: HTTP2\ndrain_timeout: 0.01s\ndelayed_close_timeout: 0.05s\ncommon_http_protocol_options: { max_connection_duration: 0.01s }'
  proxy = await testProxy([httpListener({ hcm })], [cluster(up.port)])
})

after(async () => {
  await proxy.close(0)
  await up.close()
})

/** Reads the answer and pauses after each `step` bytes; returns how many bytes came. */
async function read(step: number): Promise<number> {
  const client = connect(portOf(proxy), '127.0.0.1')
  const settings = Buffer.alloc(6)
  settings.writeUInt16BE(4, 0)
  settings.writeUInt32BE(OPEN, 2)
  const window = Buffer.alloc(4)
  window.writeUInt32BE(OPEN)
  client.write(PREFACE)
  client.write(frame(FrameType.Settings, 0, 0, settings))
  client.write(frame(FrameType.WindowUpdate, 0, 0, window))
  client.write(frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, GET_A))
  let bytes = 0
  let next = SIZE - 8 * MB
  client.on('error', () => {})
  client.on('data', (chunk) => {
    bytes += chunk.length
    if (bytes < next) return
    next += step
    client.pause()
    setTimeout(() => client.resume(), 100)
  })
  await once(client, 'close')
  return bytes
}

test('clients that read slower than the delay of closing get all', async () => {
  const counts = await Promise.all([0.2, 0.22, 0.25, 0.3].map((step) => read(step * MB)))
  for (const bytes of counts) assert.ok(bytes > SIZE, `${bytes} of more than ${SIZE} bytes`)
})
