/** The server's side of RFC 6455, as far as exec needs it: binary messages, ping, close. No extensions are negotiated. */
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** Well above the 32 kB that Kubernetes' clients send. */
const MAX_MESSAGE = 4 * 1024 * 1024

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export function handshake(key: string, protocol: string): string {
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    '\r\n',
  ].join('\r\n')
}

export class WebSocketPeer {
  readonly #socket: Duplex
  readonly #onMessage: (data: Buffer) => void
  #input: Buffer = Buffer.alloc(0)
  #fragments: Buffer[] = []
  #fragmentBytes = 0
  #closing = false

  constructor(socket: Duplex, head: Buffer, onMessage: (data: Buffer) => void) {
    this.#socket = socket
    this.#onMessage = onMessage
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    if (head.length > 0) this.#receive(head)
  }

  /** False when the peer reads slower than this is written; 'drain' on the socket says when to go on. */
  send(data: Buffer): boolean {
    return this.#closing ? true : this.#frame(OPCODE.binary, data)
  }

  close(code: number): void {
    if (this.#closing) return
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(code)
    this.#frame(OPCODE.close, payload)
    this.#closing = true
    this.#socket.end()
  }

  #frame(opcode: number, data: Buffer): boolean {
    const long = data.length > 0xffff
    const header = Buffer.alloc(data.length < 126 ? 2 : long ? 10 : 4)
    header[0] = 0x80 | opcode
    if (data.length < 126) header[1] = data.length
    else if (long) {
      header[1] = 127
      header.writeBigUInt64BE(BigInt(data.length), 2)
    } else {
      header[1] = 126
      header.writeUInt16BE(data.length, 2)
    }
    this.#socket.write(header)
    return this.#socket.write(data)
  }

  #receive(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
    while (this.#takeFrame()) if (this.#closing) return
  }

  #takeFrame(): boolean {
    const input = this.#input
    if (input.length < 2) return false
    const short = input[1] & 0x7f
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    // Clients have to mask (5.1); a frame without one is a protocol error.
    if ((input[1] & 0x80) === 0) return this.#fail(1002)
    const start = 2 + lengthBytes + 4
    if (input.length < start) return false
    const length =
      lengthBytes === 0 ? short : lengthBytes === 2 ? input.readUInt16BE(2) : Number(input.readBigUInt64BE(2))
    if (length > MAX_MESSAGE) return this.#fail(1009)
    if (input.length < start + length) return false
    const mask = input.subarray(start - 4, start)
    const data = Buffer.from(input.subarray(start, start + length))
    for (let i = 0; i < data.length; i++) data[i] ^= mask[i & 3]
    this.#input = input.subarray(start + length)
    return this.#take(input[0] & 0x0f, (input[0] & 0x80) !== 0, data)
  }

  #take(opcode: number, final: boolean, data: Buffer): boolean {
    if (opcode === OPCODE.close) {
      this.close(1000)
      return false
    }
    if (opcode === OPCODE.ping) this.#frame(OPCODE.pong, data)
    else if (opcode === OPCODE.binary || opcode === OPCODE.text || opcode === OPCODE.continuation) {
      this.#fragmentBytes += data.length
      if (this.#fragmentBytes > MAX_MESSAGE) return this.#fail(1009)
      this.#fragments.push(data)
      if (final) {
        const message = this.#fragments.length === 1 ? data : Buffer.concat(this.#fragments)
        this.#fragments = []
        this.#fragmentBytes = 0
        this.#onMessage(message)
      }
    }
    return true
  }

  #fail(code: number): false {
    this.close(code)
    return false
  }
}
