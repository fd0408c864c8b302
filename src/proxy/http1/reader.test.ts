import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FrameReader } from '../http2/frame-reader.ts'
import { type BodyKind, DEFAULT_LIMITS, type HeadLimits } from './head.ts'
import { Http1Reader } from './reader.ts'

class Reader extends Http1Reader {
  read(chunk: Buffer): void {
    this.feed(chunk, true)
  }
  protected onHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): BodyKind {
    this.head.parseRequest(bytes, start, end, 'http', limits)
    return this.head.bodyKind
  }
  protected onBody(_data: unknown, end: boolean): void {
    if (end) this.nextMessage()
  }
  protected onTrailers(): void {}
  protected onError(): void {}
}

test('whoever closes the connection for a body is not told that its trailers are wrong', () => {
  const told: string[] = []
  class Closing extends Reader {
    protected override onBody(): void {
      told.push('body')
      this.stopReading()
    }
    protected override onError(): void {
      told.push('error')
    }
  }
  const head = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'
  new Closing(DEFAULT_LIMITS, 'requests').read(Buffer.from(`${head}5\r\nhello\r\n0\r\nno trailer\r\n\r\n`))
  assert.deepEqual(told, ['body'])
})

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

/** A large read that `read` gets and nobody else keeps. */
function readOf(bytes: Buffer, read: (chunk: Buffer) => void): WeakRef<ArrayBufferLike> {
  const chunk = Buffer.allocUnsafeSlow(bytes.length)
  chunk.set(bytes)
  read(chunk)
  return new WeakRef(chunk.buffer)
}

describe('the beginning of a message at the end of a large read does not keep all of it', () => {
  test('HTTP/1.1', async () => {
    const reader = new Reader(DEFAULT_LIMITS, 'requests')
    const body = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(200_000)}`
    const memory = readOf(Buffer.from(`${body}GET`), (chunk) => reader.read(chunk))
    await new Promise(setImmediate)
    gc()
    assert.equal(memory.deref(), undefined)
    assert.ok(!reader.wantsOwnBuffer)
  })

  test('HTTP/2', async () => {
    const reader = new FrameReader({ onFrame() {}, onDataFrame() {}, onDataPiece() {} })
    // A PING of which the payload is missing, behind frames of a type that is ignored.
    const frames = Buffer.concat([Buffer.from('003e80ee0000000000', 'hex'), Buffer.alloc(16_000)])
    const ping = Buffer.from('000008060000000000', 'hex')
    const memory = readOf(Buffer.concat([frames, frames, ping]), (chunk) => reader.feed(chunk))
    await new Promise(setImmediate)
    gc()
    assert.equal(memory.deref(), undefined)
    assert.ok(reader.partial)
  })
})
