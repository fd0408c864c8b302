import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './client.ts'
import { threadOf } from './crash.ts'
import { KINDS, type Kind } from './requests.ts'

const LOTS: readonly Kind[] = KINDS.filter(({ hostile }) => hostile !== true).flatMap((kind) =>
  Array.from({ length: kind.share }, () => kind),
)
const LOST_MS = 20_000

let nextId = 0

/** A few requests at a time on one HTTP/2 connection, each accounted for. */
export class Http2Client {
  readonly #url: string
  readonly #account: Account
  readonly #running: Promise<unknown>
  #session: ClientHttp2Session | undefined
  #thread: number | undefined
  #stopping = false

  constructor(port: number, account: Account, atOnce: number) {
    this.#url = `http://127.0.0.1:${port}`
    this.#account = account
    this.#running = Promise.all(Array.from({ length: atOnce }, () => this.#run()))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
    this.#session?.close()
  }

  /** Requests have a time limit of their own here. */
  watch(): void {}

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const kind = LOTS[Math.floor(Math.random() * LOTS.length)]
      this.#account.sent++
      const outcome = await this.#request(kind)
      this.#account.ended(kind, outcome, this.#thread)
      await sleep(0)
    }
  }

  #connected(): ClientHttp2Session {
    const known = this.#session
    if (known !== undefined && !known.closed && !known.destroyed) return known
    const session = connect(this.#url)
    session.on('error', () => {})
    this.#session = session
    this.#thread = undefined
    return session
  }

  #request({ path, method = 'GET', body = 0, abortMs }: Kind): Promise<string> {
    return new Promise((resolve) => {
      const stream = this.#connected().request(
        { ':path': `${path}/h${nextId++}`, ':method': method },
        { endStream: body === 0 },
      )
      let status = ''
      const lost = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), LOST_MS)
      let aborted = false
      stream.on('response', (headers) => {
        status = String(headers[':status'])
        if (stream.session === this.#session) this.#thread = threadOf(headers['x-connection'] as string | undefined)
      })
      stream.on('error', () => {})
      stream.on('close', () => {
        clearTimeout(lost)
        if (aborted) resolve('aborted')
        else if (stream.rstCode === 0) resolve(status)
        else resolve(status === '' ? 'no answer' : `${status} cut`)
      })
      stream.resume()
      if (body !== 0) stream.end(Buffer.alloc(Math.abs(body), 'y'))
      if (abortMs === undefined) return
      setTimeout(() => {
        if (stream.closed) return
        aborted = true
        stream.close(constants.NGHTTP2_CANCEL)
      }, abortMs)
    })
  }
}
