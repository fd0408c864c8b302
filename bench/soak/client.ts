/** Clients that account for every request they send. */
import { connect, type Socket } from 'node:net'
import { Losses, threadOf } from './crash.ts'
import { KINDS, type Kind, type Outcome } from './requests.ts'

/** What became of all requests. */
export class Account {
  sent = 0
  readonly outcomes = new Map<string, number>()
  readonly losses = new Losses()

  /** `thread`: of the connection, where it is known. */
  ended(kind: Kind, outcome: Outcome | string, thread: number | undefined): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    if ((kind.expected as readonly string[]).includes(outcome)) return
    const where = `${kind.hostile === true ? 'hostile ' : ''}${kind.path}`
    this.losses.add(outcome, `${where} ${outcome}, not ${kind.expected.join(' or ')}`, thread)
  }

  get accounted(): number {
    return [...this.outcomes.values()].reduce((sum, count) => sum + count, 0)
  }
}

const LOTS: readonly Kind[] = KINDS.flatMap((kind) => Array.from({ length: kind.share }, () => kind))
const CHUNK = Buffer.alloc(10_000, 'y')
/** A request that has no end after this long is one that the proxy has lost. */
const LOST_MS = 20_000

let nextId = 0

/** One request after the other, on a connection for as long as it lasts. */
export class Client {
  readonly #ports: { readonly web: number; readonly hostile: number }
  readonly #account: Account
  #socket: Socket | undefined
  #thread: number | undefined
  #kind!: Kind
  #head = ''
  #left = -1
  #status = 0
  #busy = false
  #keep = true
  #since = 0
  #stopping: (() => void) | undefined

  constructor(ports: { readonly web: number; readonly hostile: number }, account: Account) {
    this.#ports = ports
    this.#account = account
    this.#next()
  }

  /** No further request; resolves when the one under way has ended. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping = resolve
      if (!this.#busy) this.#finish()
    })
  }

  /** Gives up what takes too long. */
  watch(now: number): void {
    if (this.#busy && now - this.#since > LOST_MS) this.#end('lost', true)
  }

  #finish(): void {
    this.#socket?.destroy()
    this.#stopping?.()
  }

  #next(): void {
    if (this.#stopping !== undefined) {
      this.#finish()
      return
    }
    const kind = LOTS[Math.floor(Math.random() * LOTS.length)]
    this.#kind = kind
    this.#busy = true
    this.#head = ''
    this.#left = -1
    this.#since = performance.now()
    this.#account.sent++
    if (kind.hostile === true || this.#socket === undefined) this.#connect(kind)
    const socket = this.#socket as Socket
    const { method = 'GET', body = 0, headers = '' } = kind
    const framing = body > 0 ? `content-length: ${body}\r\n` : body < 0 ? 'transfer-encoding: chunked\r\n' : ''
    const close = kind.hostile === true ? 'connection: close\r\n' : ''
    socket.write(
      `${method} ${kind.path}/${nextId++} HTTP/1.1\r\nhost: soak\r\n${framing}${headers}${close}\r\n`,
      'latin1',
    )
    this.#sendBody(socket, body)
    if (kind.abortMs !== undefined) {
      setTimeout(() => {
        if (this.#busy && this.#kind === kind && this.#socket === socket) this.#end('aborted', true)
      }, kind.abortMs)
    }
  }

  #sendBody(socket: Socket, body: number): void {
    if (body > 0) socket.write(CHUNK.subarray(0, body))
    else if (body < 0) {
      for (let left = -body; left > 0; left -= CHUNK.length) {
        socket.write(`${CHUNK.length.toString(16)}\r\n`)
        socket.write(CHUNK)
        socket.write('\r\n')
      }
      socket.write('0\r\n\r\n')
    }
  }

  #connect(kind: Kind): void {
    this.#socket?.destroy()
    const socket = connect(kind.hostile === true ? this.#ports.hostile : this.#ports.web, '127.0.0.1')
    socket.setNoDelay(true)
    this.#socket = socket
    this.#thread = undefined
    socket.on('data', (chunk: Buffer) => this.#read(socket, chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      if (this.#busy) this.#end(this.#left === -1 ? 'no answer' : `${this.#status} cut`, true)
    })
  }

  #read(socket: Socket, chunk: Buffer): void {
    if (this.#socket !== socket || !this.#busy) return
    let data = chunk.length
    if (this.#left === -1) {
      this.#head += chunk.latin1Slice()
      const end = this.#head.indexOf('\r\n\r\n')
      if (end === -1) return
      this.#status = Number(this.#head.slice(9, 12))
      const length = /\r\ncontent-length: (\d+)/.exec(this.#head)
      if (length === null) {
        this.#end('no length', true)
        return
      }
      this.#thread ??= threadOf(/\r\nx-connection: (\d+)/.exec(this.#head)?.[1])
      this.#keep = !this.#head.includes('\r\nconnection: close')
      this.#left = Number(length[1])
      data = this.#head.length - end - 4
    }
    this.#left -= data
    if (this.#left < 0) this.#end('too much', true)
    else if (this.#left === 0) this.#end(String(this.#status), !this.#keep)
  }

  #end(outcome: string, close: boolean): void {
    this.#busy = false
    this.#account.ended(this.#kind, outcome, this.#thread)
    if (close) {
      const socket = this.#socket
      this.#socket = undefined
      if (outcome === 'aborted') socket?.resetAndDestroy()
      else socket?.destroy()
    }
    // Not on the stack of the last one.
    setImmediate(() => this.#next())
  }
}
