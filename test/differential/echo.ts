import type { Socket } from 'node:net'
import type { Message } from '../parity/message.ts'
import { MessageServer } from '../parity/message-server.ts'
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
export class Echo extends MessageServer {
  readonly #name: string
  readonly #book: Book

  constructor(name: string, book: Book) {
    super()
    this.#name = name
    this.#book = book
  }

  protected onMessage(socket: Socket, message: Message): boolean {
    socket.write(this.#answer(message), 'latin1')
    return false
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
