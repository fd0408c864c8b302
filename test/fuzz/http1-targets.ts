import assert from 'node:assert/strict'
import type { BodyBuffer } from '../../src/base/body-buffer.ts'
import type { HeaderMap } from '../../src/base/header-map.ts'
import { BodyKind, DEFAULT_LIMITS, type HeadLimits } from '../../src/proxy/http1/head.ts'
import { Http1Reader } from '../../src/proxy/http1/reader.ts'
import type { FuzzTarget } from './fuzz.ts'

/** What a reader made of its bytes: messages, of which the last may be unfinished or refused. */
interface Read {
  readonly messages: readonly string[]
  readonly refused: boolean
  /** Of the last message, as far as it came. */
  readonly open: string
}

class Recorder extends Http1Reader {
  readonly #messages: string[] = []
  readonly #requests: boolean
  #open = ''
  #refused = false

  constructor(messages: 'requests' | 'responses') {
    super(DEFAULT_LIMITS, messages)
    this.#requests = messages === 'requests'
  }

  read(pieces: readonly Buffer[]): Read {
    for (const piece of pieces) this.feed(piece, true)
    return { messages: this.#messages, refused: this.#refused, open: this.#open }
  }

  protected onHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): BodyKind {
    const { head } = this
    if (this.#requests) head.parseRequest(bytes, start, end, 'http', limits)
    else head.parseResponse(bytes, start, end, 'GET', limits)
    const { flat } = head.headers
    assert.ok(!flat.some((text) => /[\r\n\0]/.test(text)), 'what splits a line')
    this.#open = JSON.stringify([flat, head.keepAlive, head.bodyKind])
    if (head.bodyKind === BodyKind.None) {
      this.hold()
      this.#ended()
    }
    return head.bodyKind
  }

  protected onBody(body: BodyBuffer, end: boolean): void {
    this.#open += body.linearize().toString('latin1')
    if (end) this.#ended()
  }

  protected onTrailers(trailers: HeaderMap | undefined): void {
    this.#open += JSON.stringify(trailers?.flat)
    this.#ended()
  }

  protected onError(): void {
    this.#refused = true
  }

  #ended(): void {
    this.#messages.push(this.#open)
    this.#open = ''
    this.nextMessage()
  }
}

/** Cut at other places, the messages are the same; of one that is refused less may have been handed on, but nothing else. */
function sameInPieces(input: Buffer, messages: 'requests' | 'responses'): void {
  const whole = new Recorder(messages).read([Buffer.from(input)])
  const size = 1 + ((input[input.length - 1] ?? 0) % 13)
  const pieces: Buffer[] = []
  for (let at = 0; at < input.length; at += size) pieces.push(Buffer.from(input.subarray(at, at + size)))
  const cut = new Recorder(messages).read(pieces)
  assert.deepEqual(cut.messages, whole.messages)
  assert.equal(cut.refused, whole.refused)
  if (whole.refused) assert.ok(cut.open.startsWith(whole.open), 'less in pieces than as a whole')
  else assert.equal(cut.open, whole.open)
}

const REQUESTS = [
  'GET /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\nGET / HTTP/1.0\r\n\r\n',
  '\r\nPOST http://a/b HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloHEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  'PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0003\r\nabc\r\n0\r\nx-end: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, x-a\r\nupgrade: websocket\r\nx-a: 1\r\n\r\nraw bytes',
  'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\nraw',
  'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncookie: a=b; c=d\r\ncontent-length: 0\r\n\r\n',
]

const RESPONSES = [
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nhelloHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\nuntil the end',
  'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nraw',
  'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nHTTP/1.1 404 \r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
]

const target = (name: string, seeds: readonly string[], messages: 'requests' | 'responses'): FuzzTarget => ({
  name,
  seeds: seeds.map((text) => Buffer.from(text, 'latin1')),
  run: (input) => sameInPieces(input, messages),
})

export const HTTP1_TARGETS: readonly FuzzTarget[] = [
  target('http1-requests', REQUESTS, 'requests'),
  target('http1-responses', RESPONSES, 'responses'),
]
