import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './case.ts'
import type { Message } from './message.ts'
import { MessageServer } from './message-server.ts'
import type { Script } from './script.ts'
import { headerLines, sendBody } from './text.ts'

/** What was sent is read before: a reset takes the rest away. */
export const RESET_MS = 40

/** An upstream that answers by a script. */
export class Upstream extends MessageServer {
  readonly #label: string
  readonly #script: Script

  constructor(label: string, script: Script) {
    super()
    this.#label = label
    this.#script = script
  }

  /** Begins the script again, with new connections. */
  reset(): void {
    this.#script.reset()
    this.closeConnections()
  }

  protected onMessage(socket: Socket, message: Message): boolean {
    const answer = this.#script.next(this.#label, message)
    void this.#answer(socket, answer, message.start.startsWith('HEAD '))
    return answer.echo === true
  }

  async #answer(socket: Socket, answer: Answer, isHead: boolean): Promise<void> {
    if (answer.delayMs !== undefined) await sleep(answer.delayMs)
    for (const [i, piece] of pieces(answer, isHead).entries()) {
      if (i > 0) await sleep(answer.pauseMs)
      if (socket.destroyed) return
      socket.write(piece, 'latin1')
    }
    if (answer.end === true) socket.end()
    if (answer.reset === undefined) return
    await sleep(RESET_MS)
    socket.resetAndDestroy()
  }
}

/** What is sent one after the other. */
function pieces(answer: Answer, isHead: boolean): string[] {
  if (answer.stops === 'silent') return []
  if (answer.raw !== undefined) return [answer.raw]
  const status = answer.status ?? 200
  const { lines, body } = sendBody(answer, status >= 200 && status !== 204 && status !== 304)
  const all = isHead ? '' : answer.stops === 'unfinished' ? body.slice(0, -1) : body
  const head = `HTTP/1.1 ${status} X\r\n${headerLines(answer.headers)}${lines}\r\n`
  if (answer.pauseMs === undefined) return [`${head}${all}`]
  return [head, ...(all.match(/[\s\S]{1,20}/g) ?? [])]
}
