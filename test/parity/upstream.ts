import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './case.ts'
import type { Message } from './message.ts'
import { MessageServer } from './message-server.ts'
import { headerLines, sendBody } from './text.ts'

const OK: Answer = { body: 'ok' }

export interface Received {
  readonly host: string
  readonly message: Message
}

/** An upstream that keeps what it gets and answers by a script. */
export class Upstream extends MessageServer {
  readonly #label: string
  readonly #received: Received[]
  readonly #script: readonly Answer[]
  #answered = 0

  /** What is received is added to `received`, which the upstreams of a case share: it shows the order. */
  constructor(label: string, script: readonly Answer[] = [OK], received: Received[]) {
    super()
    this.#label = label
    this.#script = script
    this.#received = received
  }

  /** Begins the script again, with new connections. */
  reset(): void {
    this.#answered = 0
    this.closeConnections()
  }

  protected onMessage(socket: Socket, message: Message): boolean {
    this.#received.push({ host: this.#label, message })
    const answer = this.#script[Math.min(this.#answered++, this.#script.length - 1)]
    void this.#answer(socket, answer, message.start.startsWith('HEAD '))
    return answer.echo === true
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
