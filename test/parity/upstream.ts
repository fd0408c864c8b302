import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './case.ts'
import { type Message, readMessage } from './message.ts'
import { headerLines, sendBody } from './text.ts'

const OK: Answer = { body: 'ok' }

export interface Received {
  readonly host: string
  readonly message: Message
}

/** An upstream that keeps what it gets and answers by a script. */
export class Upstream {
  readonly #label: string
  readonly #received: Received[]
  readonly #sockets = new Set<Socket>()
  readonly #script: readonly Answer[]
  readonly #server: Server
  #answered = 0

  /** What is received is added to `received`, which the upstreams of a case share: it shows the order. */
  constructor(label: string, script: readonly Answer[] = [OK], received: Received[]) {
    this.#label = label
    this.#script = script
    this.#received = received
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  /** Begins the script again, with new connections. */
  reset(): void {
    this.#answered = 0
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    let text = ''
    let tunnel = false
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (data) => {
      if (tunnel) {
        socket.write(data)
        return
      }
      text += data.toString('latin1')
      for (;;) {
        const read = readMessage(text, { isResponse: false, bodiless: () => false, ended: false })
        if (read === undefined || !read.message.complete) return
        text = text.slice(read.length)
        this.#received.push({ host: this.#label, message: read.message })
        const answer = this.#script[Math.min(this.#answered++, this.#script.length - 1)]
        tunnel = answer.echo === true
        void this.#answer(socket, answer, read.message.start.startsWith('HEAD '))
      }
    })
  }

  async #answer(socket: Socket, answer: Answer, isHead: boolean): Promise<void> {
    if (answer.delayMs !== undefined) await sleep(answer.delayMs)
    if (socket.destroyed) return
    if (answer.raw !== undefined) socket.write(answer.raw, 'latin1')
    else {
      const status = answer.status ?? 200
      const { lines, body } = sendBody(answer, status >= 200 && status !== 204 && status !== 304)
      socket.write(`HTTP/1.1 ${status} X\r\n${headerLines(answer.headers)}${lines}\r\n${isHead ? '' : body}`, 'latin1')
    }
    if (answer.end === true) socket.end()
  }
}
