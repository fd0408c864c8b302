import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '../../parity/message.ts'
import { MessageServer } from '../../parity/message-server.ts'
import { TAG } from '../trial.ts'
import type { Answer } from './answer.ts'

/** More than a read of either proxy takes. */
const PAUSE_MS = 8
const END_MS = 40

/** An upstream that sends what the answer of a request's tag says. */
export class Liar extends MessageServer {
  readonly #answers: ReadonlyMap<string, Answer>
  /** How often each was asked. */
  readonly asked = new Map<string, number>()

  constructor(answers: ReadonlyMap<string, Answer>) {
    super()
    this.#answers = answers
  }

  protected onMessage(socket: Socket, message: Message): boolean {
    const tag = message.headers.find(([name]) => name === TAG)?.[1] ?? ''
    this.asked.set(tag, (this.asked.get(tag) ?? 0) + 1)
    const answer = this.#answers.get(tag)
    if (answer !== undefined) void this.#send(socket, answer)
    return false
  }

  async #send(socket: Socket, { pieces, end }: Answer): Promise<void> {
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await sleep(PAUSE_MS)
      if (socket.destroyed) return
      socket.write(piece, 'latin1')
    }
    if (end === 'open') return
    // What was sent is read before: a reset takes the rest away.
    await sleep(END_MS)
    if (end === 'end') socket.end()
    else socket.resetAndDestroy()
  }
}
