/**
 * Both ends of gRPC streams for a benchmark, in frames as they stand on the wire: no library is to be what is measured. Each message of
 * 64 bytes is a DATA frame of its own.
 *
 * node bench/lib/grpc-peer.ts serve <port> <echo|stream>
 * node bench/lib/grpc-peer.ts call <port> <echo|stream> <connections> <streams> <seconds>   prints how many messages came back
 */
import { connect, createServer, type Socket } from 'node:net'
import { Flag, FRAME_HEADER, FrameType, PREFACE } from '../../src/proxy/http2/frame.ts'
import { FrameReader } from '../../src/proxy/http2/frame-reader.ts'
import { Setting } from '../../src/proxy/http2/settings.ts'

/** Windows that nothing here fills. */
const SETTINGS = Buffer.from('0000060400000000000004 7fffffff 00000408000000000070000000'.replaceAll(' ', ''), 'hex')
const SETTINGS_ACK = Buffer.from('000000040100000000', 'hex')
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 64]), Buffer.alloc(64, 0x61)])
/** :status 200, content-type: application/grpc (RFC 7541, a static name and a literal value). */
const ANSWER = Buffer.concat([Buffer.from('880f1010', 'hex'), Buffer.from('application/grpc')])
/** :method POST, :scheme http, :path /bench.Streams/Call, :authority bench, te: trailers, content-type. */
const REQUEST = Buffer.concat([
  Buffer.from('83860413', 'hex'),
  Buffer.from('/bench.Streams/Call'),
  Buffer.from('0105', 'hex'),
  Buffer.from('bench'),
  Buffer.from('0002746508747261696c657273', 'hex'),
  Buffer.from('0f1010', 'hex'),
  Buffer.from('application/grpc'),
])

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, FRAME_HEADER)
  return bytes
}

/** How many bytes of DATA the other end takes (RFC 9113 5.2): a peer that sends more is cut off. */
class Windows {
  #initial = 65_535
  #connection = 65_535
  readonly #streams = new Map<number, number>()

  /** From the payload of SETTINGS. */
  settings(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 6) {
      if (bytes.readUInt16BE(at) !== Setting.InitialWindowSize) continue
      const initial = bytes.readUInt32BE(at + 2)
      for (const [stream, window] of this.#streams) this.#streams.set(stream, window + initial - this.#initial)
      this.#initial = initial
    }
  }

  opened(stream: number, more: number): void {
    if (stream === 0) this.#connection += more
    else this.#streams.set(stream, this.#of(stream) + more)
  }

  /** Whether there is room for as many, which is then taken. */
  take(stream: number, length: number): boolean {
    const window = this.#of(stream)
    if (this.#connection < length || window < length) return false
    this.#connection -= length
    this.#streams.set(stream, window - length)
    return true
  }

  #of(stream: number): number {
    return this.#streams.get(stream) ?? this.#initial
  }
}

/** One connection; what its frames make it write goes out at once. */
class Peer {
  readonly socket: Socket
  /** For each stream the frame that is a message on it. */
  readonly messages = new Map<number, Buffer>()
  received = 0
  readonly #windows = new Windows()
  #out: Buffer[] = []
  readonly #onHeaders: (peer: Peer, stream: number) => void
  readonly #onMessage: ((peer: Peer, stream: number) => void) | undefined

  constructor(
    socket: Socket,
    onHeaders: (peer: Peer, stream: number) => void,
    onMessage?: (peer: Peer, stream: number) => void,
  ) {
    this.socket = socket
    this.#onHeaders = onHeaders
    this.#onMessage = onMessage
    socket.setNoDelay(true)
    socket.on('error', () => {})
  }

  /** `skip` bytes are no frames: the preface of a client. */
  start(skip: number): void {
    let left = skip
    let stream = 0
    const reader = new FrameReader({
      onFrame: (type, flags, id, bytes, from, to) => {
        if (type === FrameType.Settings && (flags & Flag.Ack) === 0) {
          this.#windows.settings(bytes, from, to)
          this.write(SETTINGS_ACK)
        } else if (type === FrameType.WindowUpdate) this.#windows.opened(id, bytes.readUInt32BE(from))
        else if (type === FrameType.Headers) this.#onHeaders(this, id)
        else if (type === FrameType.RstStream || type === FrameType.GoAway) this.messages.delete(id)
      },
      onDataFrame: (_flags, id) => {
        stream = id
      },
      onDataPiece: (_bytes, _start, _end, last) => {
        if (!last) return
        this.received++
        this.#onMessage?.(this, stream)
      },
    })
    this.socket.on('data', (chunk: Buffer) => {
      const from = Math.min(left, chunk.length)
      left -= from
      reader.feed(chunk, from)
      this.flush()
    })
  }

  write(bytes: Buffer): void {
    this.#out.push(bytes)
  }

  /** Nothing, where the other end takes no more yet. */
  message(stream: number): void {
    if (!this.#windows.take(stream, MESSAGE.length)) return
    let bytes = this.messages.get(stream)
    if (bytes === undefined) {
      bytes = frame(FrameType.Data, 0, stream, MESSAGE)
      this.messages.set(stream, bytes)
    }
    this.#out.push(bytes)
  }

  flush(): void {
    if (this.#out.length === 0) return
    this.socket.write(this.#out.length === 1 ? this.#out[0] : Buffer.concat(this.#out))
    this.#out = []
  }
}

function serve(port: number, echo: boolean): void {
  const peers = new Set<Peer>()
  createServer((socket) => {
    const peer = new Peer(
      socket,
      (self, stream) => {
        self.write(frame(FrameType.Headers, Flag.EndHeaders, stream, ANSWER))
        self.messages.set(stream, frame(FrameType.Data, 0, stream, MESSAGE))
      },
      echo ? (self, stream) => self.message(stream) : undefined,
    )
    socket.write(SETTINGS)
    peer.start(PREFACE.length)
    peers.add(peer)
    socket.on('close', () => peers.delete(peer))
  }).listen(port, '127.0.0.1')
  if (echo) return
  // One message on each stream at a time, as fast as they are read.
  const turn = () => {
    for (const peer of peers) {
      if (peer.socket.writableLength > 0) continue
      for (const stream of peer.messages.keys()) peer.message(stream)
      peer.flush()
    }
    setImmediate(turn)
  }
  turn()
}

function call(port: number, echo: boolean, connections: number, streams: number, seconds: number): void {
  const peers = Array.from({ length: connections }, () => {
    const socket = connect(port, '127.0.0.1')
    const peer = new Peer(socket, () => {}, echo ? (self, stream) => self.message(stream) : undefined)
    peer.start(0)
    socket.write(Buffer.concat([PREFACE, SETTINGS]))
    for (let i = 0; i < streams; i++) {
      const id = 2 * i + 1
      peer.write(frame(FrameType.Headers, Flag.EndHeaders, id, REQUEST))
      if (echo) peer.message(id)
      else peer.write(frame(FrameType.Data, Flag.EndStream, id, MESSAGE))
    }
    peer.flush()
    return peer
  })
  setTimeout(() => {
    const ended = peers.filter(({ received, socket }) => received === 0 || socket.destroyed)
    if (ended.length > 0) throw new Error(`${ended.length} connections ended or got nothing`)
    console.log(peers.reduce((sum, { received }) => sum + received, 0))
    process.exit()
  }, seconds * 1000)
}

const [role, port, mode, ...rest] = process.argv.slice(2)
if (role === 'serve') serve(Number(port), mode === 'echo')
else call(Number(port), mode === 'echo', Number(rest[0]), Number(rest[1]), Number(rest[2]))
