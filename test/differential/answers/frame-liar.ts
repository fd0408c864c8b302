import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ACK, FrameReader, PREFACE, SETTINGS_ACK, settings, Type } from '../../conformance/http2/frames.ts'
import { bytesOf, type FramedAnswer } from './frames.ts'

const PAUSE_MS = 6
const END_MS = 40

/** An HTTP/2 upstream that sends the frames of the answer whose tag is the body of the request. */
export class FrameLiar {
  readonly #answers: ReadonlyMap<string, FramedAnswer>
  readonly #server = createServer((socket) => this.#serve(socket))
  readonly #sockets = new Set<Socket>()
  readonly asked = new Map<string, number>()

  constructor(answers: ReadonlyMap<string, FramedAnswer>) {
    this.#answers = answers
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    const reader = new FrameReader()
    let skip = PREFACE.length
    let body = ''
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.write(settings([]))
    socket.on('data', (chunk) => {
      const rest = chunk.subarray(Math.min(skip, chunk.length))
      skip -= chunk.length - rest.length
      for (const { type, flags, payload } of reader.read(rest)) {
        if (type === Type.SETTINGS && (flags & ACK) === 0) socket.write(SETTINGS_ACK)
        if (type !== Type.DATA) continue
        body += payload.toString('latin1')
        const answer = this.#answers.get(body)
        if (answer === undefined) continue
        this.asked.set(body, (this.asked.get(body) ?? 0) + 1)
        void this.#send(socket, answer)
      }
    })
  }

  async #send(socket: Socket, { frames, slow, end }: FramedAnswer): Promise<void> {
    if (slow) {
      for (const frame of frames) {
        if (socket.destroyed) return
        socket.write(bytesOf(frame))
        await sleep(PAUSE_MS)
      }
    } else socket.write(Buffer.concat(frames.map(bytesOf)))
    if (end === 'open') return
    // What was sent is read before: a reset takes the rest away.
    await sleep(END_MS)
    if (end === 'end') socket.end()
    else socket.resetAndDestroy()
  }
}
