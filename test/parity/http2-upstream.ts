import { once } from 'node:events'
import {
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './case.ts'
import type { Message } from './message.ts'
import type { Script } from './script.ts'
import { RESET_MS } from './upstream.ts'

type Fields = Message['headers']

/** An upstream of HTTP/2 that answers by a script. */
export class Http2Upstream {
  readonly #label: string
  readonly #script: Script
  readonly #server: Http2Server
  readonly #sessions = new Set<Http2Session>()

  constructor(label: string, script: Script, settings: Settings) {
    this.#label = label
    this.#script = script
    this.#server = createServer({ settings })
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('error', () => {}).on('close', () => this.#sessions.delete(session))
    })
    this.#server.on('stream', (stream, headers) => this.#read(stream, headers))
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  reset(): void {
    this.#script.reset()
    for (const session of this.#sessions) session.destroy()
  }

  close(): void {
    this.reset()
    this.#server.close()
  }

  #read(stream: ServerHttp2Stream, head: IncomingHttpHeaders): void {
    const { ':method': method, ':path': path, ':authority': host, ...rest } = head
    const headers: Fields = [['host', host ?? ''], ...fieldsOf(rest)]
    const start = `${method} ${path} HTTP/2`
    let body = ''
    let trailers: Fields = []
    stream.on('error', () => {})
    if (this.#script.coming(start).unread === true) {
      const message = { start, headers, spelt: '', body, trailers, complete: false }
      void this.#answer(stream, this.#script.next(this.#label, message))
      return
    }
    stream.on('trailers', (fields) => (trailers = fieldsOf(fields)))
    stream.setEncoding('latin1').on('data', (data: string) => (body += data))
    stream.on('end', () => {
      if (stream.destroyed || stream.aborted) return
      const message = { start, headers, spelt: '', body, trailers, complete: true }
      void this.#answer(stream, this.#script.next(this.#label, message))
    })
  }

  async #answer(stream: ServerHttp2Stream, answer: Answer): Promise<void> {
    if (answer.delayMs !== undefined) await sleep(answer.delayMs)
    if (answer.goAway !== undefined) stream.session?.goaway(answer.goAway, stream.id)
    if (answer.stops !== 'silent') await send(stream, answer)
    if (answer.end !== true && answer.reset === undefined) return
    await sleep(RESET_MS)
    if (stream.destroyed && typeof answer.reset === 'number') return
    if (typeof answer.reset === 'number') stream.close(answer.reset)
    else if (answer.reset === true) (stream.session?.socket as Socket | undefined)?.resetAndDestroy()
    else stream.session?.destroy(undefined, constants.NGHTTP2_NO_ERROR)
  }
}

async function send(stream: ServerHttp2Stream, answer: Answer): Promise<void> {
  const { status = 200, headers, body = '', chunks = [body], trailers, stops, pauseMs } = answer
  if (stream.destroyed) return
  const finished = stops === undefined
  const fields = { ':status': status, ...headers } as OutgoingHttpHeaders
  const pieces = chunks.filter((chunk) => chunk !== '')
  if (finished && pieces.length === 0 && trailers === undefined) {
    stream.respond(fields, { endStream: true })
    return
  }
  // Without a wait for trailers Node ends an answer in front of its RST_STREAM.
  stream.respond(fields, { waitForTrailers: finished ? trailers !== undefined : true })
  if (finished) stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers } as OutgoingHttpHeaders))
  for (const piece of pieces) {
    if (pauseMs !== undefined) await sleep(pauseMs)
    if (stream.destroyed) return
    stream.write(piece, 'latin1')
  }
  if (finished) stream.end()
}

function fieldsOf(headers: IncomingHttpHeaders): Fields {
  return Object.entries(headers).flatMap(([name, value]) => [value ?? ''].flat().map((one) => [name, one] as const))
}
