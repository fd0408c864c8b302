/** Ends of tunnels: a socket whose bytes follow a head of HTTP/1.1 or none, and a stream of HTTP/2. */
import type {
  ClientHttp2Session,
  Http2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Field } from '../trial.ts'
import type { End, Head } from './actor.ts'
import { ChunkReader } from './chunk-reader.ts'
import { Ear } from './ear.ts'

/** Differs from run to run. */
const VOLATILE = /^(date|x-request-id|x-envoy-expected-rq-timeout-ms|x-envoy-upstream-service-time): .*/

/** Beyond the longest time that a trial sets. */
const CLIENT_MS = 1400
/** It is the client that gives up. */
const UPSTREAM_MS = 3000

export class SocketEnd implements End {
  readonly ear: Ear
  readonly #socket: Socket
  #rest: Buffer | undefined
  #chunks: ChunkReader | undefined
  /** Once, before anything behind it is heard. */
  onHead = () => {}

  /** `headless`: no head comes first. */
  constructor(socket: Socket, client: boolean, headless = false) {
    this.ear = new Ear(client ? CLIENT_MS : UPSTREAM_MS)
    this.#socket = socket
    if (!headless) this.#rest = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.on('data', (data) => this.#read(data))
    socket.on('end', () => this.ear.end())
    socket.on('error', (error: NodeJS.ErrnoException) => (this.ear.failed = error.code ?? error.message))
    socket.on('close', () => this.ear.close(''))
  }

  begin({ head }: Head): void {
    this.#socket.write(String(head), 'latin1')
  }

  say(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  end(): void {
    this.#socket.end()
  }

  reset(): void {
    // Node keeps a socket that is to be reset behind its own end.
    if (this.#socket.writableEnded) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  deaf(): void {
    this.#socket.pause()
  }

  listen(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.reset()
  }

  #read(data: Buffer): void {
    if (this.#rest === undefined) {
      this.ear.heard(this.#chunks?.read(data) ?? data)
      return
    }
    this.#rest = Buffer.concat([this.#rest, data])
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end === -1) return
    const [start, ...lines] = this.#rest.toString('latin1', 0, end).split('\r\n')
    const rest = this.#rest.subarray(end + 4)
    const interim = /^HTTP\/1\.1 1(?!01)/.test(start)
    this.#rest = interim ? Buffer.alloc(0) : undefined
    if (!interim) {
      if (lines.some((line) => /^transfer-encoding: chunked$/i.test(line))) this.#chunks = new ChunkReader()
      this.ear.met([`start: ${start}`, ...lines.map(lowered)].map(kept))
      this.onHead()
    }
    if (rest.length > 0) this.#read(rest)
  }
}

export class StreamEnd implements End {
  readonly ear: Ear
  readonly #session: ClientHttp2Session | undefined
  #stream: Http2Stream | undefined

  /** A client has a session, and makes the stream by its head. */
  constructor(stream: ServerHttp2Stream | ClientHttp2Session, head?: IncomingHttpHeaders) {
    this.ear = new Ear(head === undefined ? CLIENT_MS : UPSTREAM_MS)
    if (head === undefined) {
      this.#session = stream as ClientHttp2Session
      this.#session.on('error', () => {}).on('close', () => this.ear.close('no connection'))
      return
    }
    this.#watch(stream as ServerHttp2Stream)
    this.ear.met(linesOf(head))
  }

  begin({ head, end }: Head): void {
    const fields = outgoing(head as readonly Field[])
    if (this.#session === undefined) {
      const stream = this.#stream as ServerHttp2Stream
      // Else Node ends a stream that is to be reset in order.
      if (!stream.destroyed) stream.respond(fields, end ? { endStream: true } : { waitForTrailers: true })
      return
    }
    if (this.#session.destroyed) return
    const stream = this.#session.request(
      fields,
      end ? { endStream: true } : { endStream: false, waitForTrailers: true },
    )
    stream.on('response', (answer) => this.ear.met(linesOf(answer)))
    this.#watch(stream)
  }

  say(bytes: Buffer): void {
    if (this.#stream?.writable) this.#stream.write(bytes)
  }

  end(): void {
    this.#stream?.end()
  }

  reset(): void {
    this.#stream?.close(8)
  }

  deaf(): void {
    this.#stream?.pause()
  }

  listen(): void {
    this.#stream?.resume()
  }

  destroy(): void {
    if (this.#session === undefined) this.#stream?.destroy()
    else this.#session.destroy()
  }

  #watch(stream: Http2Stream): void {
    this.#stream = stream
    stream.on('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers({})
    })
    stream.on('data', (data: Buffer) => this.ear.heard(data))
    stream.on('end', () => {
      if (stream.rstCode === 0 && !stream.aborted) this.ear.end()
    })
    stream.on('error', () => {})
    stream.on('close', () => this.ear.close(stream.rstCode === 0 ? '' : `reset ${stream.rstCode}`))
  }
}

function linesOf(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers)
    .flatMap(([name, value]) => [value ?? ''].flat().map((one) => `${name}: ${one}`))
    .map(kept)
}

function lowered(line: string): string {
  const colon = line.indexOf(':')
  return `${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).trim()}`
}

function kept(line: string): string {
  return line.replace(VOLATILE, '$1: <volatile>')
}

function outgoing(fields: readonly Field[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of fields) {
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return headers
}
