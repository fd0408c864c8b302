/** kubectl exec: a WebSocket whose messages start with the number of a stream (v4 and v5.channel.k8s.io). */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { type Duplex, PassThrough, Writable } from 'node:stream'
import type { JsonObject } from '../json.ts'
import type { Api, User } from '../rest/context.ts'
import { flag } from '../rest/options.ts'
import { parseResourcePath } from '../rest/routes.ts'
import { ApiError, badRequest, internal, noSuchPath, notFound, unauthorized } from '../status.ts'
import type { PodRuntime } from './runtime.ts'
import { chooseContainer, requireRuntime } from './subresources.ts'
import { handshake, WebSocketPeer } from './websocket.ts'

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const STATUS = 3
const RESIZE = 4
/** v5 only: the next byte names a stream that ends. */
const CLOSE = 255

/** Best first. kubectl offers v5; Python's client v4. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

export function upgradeExec(
  api: Api,
  runtime: PodRuntime | undefined,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  user: User | undefined,
): void {
  try {
    if (user === undefined) throw unauthorized()
    accept(api, requireRuntime(runtime), request, socket, head)
  } catch (error) {
    // A refusal has to be a Status before the 101, or clients show nothing of it.
    refuse(socket, error instanceof ApiError ? error : internal((error as Error).message))
  }
}

function accept(api: Api, runtime: PodRuntime, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const url = new URL(request.url ?? '/', 'https://localhost')
  const wanted = parseResourcePath(api.kinds, url.pathname)
  if (wanted?.target.kind.storage !== 'pods' || wanted.subresource !== 'exec') throw noSuchPath()
  const entry = api.store.get('pods', wanted.namespace, wanted.name)
  if (entry === undefined) throw notFound(wanted.target.kind, wanted.name)
  const query = url.searchParams
  const command = query.getAll('command')
  if (command.length === 0) throw badRequest('you must specify at least one command for the container')
  const container = chooseContainer(entry, query.get('container') ?? '')

  const key = request.headers['sec-websocket-key']
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  const protocol = PROTOCOLS.find((name) => offered.includes(name))
  if (request.headers.upgrade?.toLowerCase() !== 'websocket' || key === undefined || protocol === undefined) {
    throw badRequest(`unable to upgrade: exec needs a WebSocket with the subprotocol ${PROTOCOLS.join(' or ')}`)
  }
  socket.write(handshake(key, protocol))
  const session = new ExecSession(socket, head, query)
  const options = { container, command, tty: flag(query, 'tty'), ...session.streams }
  runtime.exec(entry.namespace, entry.name, options).then(
    (code) => session.finish(exitStatus(code)),
    (error: Error) => session.finish(internal(error.message).status),
  )
}

function refuse(socket: Duplex, error: ApiError): void {
  const body = JSON.stringify(error.status)
  socket.end(
    [
      `HTTP/1.1 ${error.code} ${STATUS_CODES[error.code] ?? 'Error'}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}

function exitStatus(code: number): JsonObject {
  if (code === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}

class ExecSession {
  readonly #peer: WebSocketPeer
  readonly #socket: Duplex
  readonly #stdin: PassThrough | undefined
  readonly #abort = new AbortController()
  readonly #resizes: ((columns: number, rows: number) => void)[] = []
  readonly streams

  constructor(socket: Duplex, head: Buffer, query: URLSearchParams) {
    this.#socket = socket
    this.#stdin = flag(query, 'stdin') ? new PassThrough() : undefined
    this.#peer = new WebSocketPeer(socket, head, (message) => this.#onMessage(message))
    socket.on('close', () => {
      this.#stdin?.end()
      this.#abort.abort()
    })
    this.streams = {
      stdin: this.#stdin,
      stdout: flag(query, 'stdout') ? this.#output(STDOUT) : undefined,
      // A terminal has one output.
      stderr: flag(query, 'stderr') && !flag(query, 'tty') ? this.#output(STDERR) : undefined,
      onResize: (listener: (columns: number, rows: number) => void) => void this.#resizes.push(listener),
      signal: this.#abort.signal,
    }
  }

  finish(status: JsonObject): void {
    this.#peer.send(Buffer.concat([Buffer.from([STATUS]), Buffer.from(JSON.stringify(status))]))
    this.#peer.close(1000)
  }

  #onMessage(message: Buffer): void {
    const [channel] = message
    const data = message.subarray(1)
    if (channel === STDIN) this.#stdin?.write(data)
    else if (channel === CLOSE && data[0] === STDIN) this.#stdin?.end()
    else if (channel === RESIZE) this.#resize(data)
  }

  #resize(data: Buffer): void {
    try {
      const { Width, Height } = JSON.parse(data.toString()) as { Width: number; Height: number }
      for (const listener of this.#resizes) listener(Width, Height)
    } catch {
      // A size that cannot be read changes nothing.
    }
  }

  #output(channel: number): Writable {
    const prefix = Buffer.from([channel])
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#peer.send(Buffer.concat([prefix, chunk])) || this.#socket.destroyed) done()
        else this.#socket.once('drain', done)
      },
    })
  }
}
