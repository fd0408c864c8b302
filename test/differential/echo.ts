import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Message, readMessage } from '../parity/message.ts'
import { TAG } from './trial.ts'

export interface Seen {
  readonly host: string
  readonly message: Message
}

/** What upstreams got, by the tag of the request. */
export type Book = Map<string, Seen[]>

/**
 * An upstream that notes what it gets and answers as the request asks: `x-answer: 503 200` are the statuses of its tries in turn, and
 * `x-location` becomes the location.
 */
export class Echo {
  readonly #name: string
  readonly #book: Book
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  constructor(name: string, book: Book) {
    this.#name = name
    this.#book = book
    this.#server = createServer((socket) => this.#serve(socket))
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
    this.#sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (data) => {
      text += data.toString('latin1')
      for (;;) {
        const read = readMessage(text, { isResponse: false, bodiless: () => false, ended: false })
        if (read === undefined || !read.message.complete) return
        text = text.slice(read.length)
        socket.write(this.#answer(read.message), 'latin1')
      }
    })
  }

  #answer(message: Message): string {
    const find = (name: string) => message.headers.find(([key]) => key === name)?.[1]
    const tag = find(TAG) ?? ''
    const seen = this.#book.get(tag) ?? []
    this.#book.set(tag, [...seen, { host: this.#name, message }])
    const statuses = (find('x-answer') ?? '200').split(' ')
    const status = statuses[Math.min(seen.length, statuses.length - 1)]
    const location = find('x-location')
    const lines = [
      `HTTP/1.1 ${status} X`,
      'server: echo',
      'x-reply: one',
      'x-reply: two',
      `x-up: ${this.#name}`,
      ...(location === undefined ? [] : [`location: ${location}`]),
    ]
    const bodiless = status === '204' || status === '304'
    if (!bodiless) lines.push(`content-length: ${this.#name.length}`)
    const body = bodiless || message.start.startsWith('HEAD ') ? '' : this.#name
    return `${lines.join('\r\n')}\r\n\r\n${body}`
  }
}
