import { once } from 'node:events'
import { createServer as createHttp2Server, type Http2Session } from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { act, type End, type Told } from './actor.ts'
import { SocketEnd, StreamEnd } from './ends.ts'
import type { TunnelUpstream } from './trial.ts'

/** Nothing listens there, and no system gives it to a socket that takes any port. */
const NOBODY = 65_529

/** Does with each request what the trial says, and keeps what came of each. */
export class Upstream {
  readonly told: Promise<Told>[] = []
  port = NOBODY
  readonly #trial: TunnelUpstream
  readonly #open = new Set<Socket | Http2Session>()
  #server: Server | undefined

  constructor(trial: TunnelUpstream) {
    this.#trial = trial
  }

  async start(): Promise<this> {
    const server = this.#make()
    if (server === undefined) return this
    this.#server = server
    await once(server.listen(0, '127.0.0.1'), 'listening')
    this.port = (server.address() as AddressInfo).port
    return this
  }

  close(): void {
    for (const one of this.#open) one.destroy()
    this.#server?.close()
  }

  #make(): Server | undefined {
    const { speaks, extended = false } = this.#trial
    if (speaks === 'none') return undefined
    if (speaks !== 'http2') {
      return createServer({ allowHalfOpen: true }, (socket) => {
        this.#keep(socket)
        const end = new SocketEnd(socket, false, speaks === 'bytes')
        // A connection that nobody uses is no request.
        if (speaks === 'bytes') this.#begin(end)
        else end.onHead = () => this.#begin(end)
      })
    }
    const server = createHttp2Server({ settings: { enableConnectProtocol: extended } })
    server.on('session', (session) => this.#keep(session))
    server.on('stream', (stream, head) => this.#begin(new StreamEnd(stream, head)))
    return server
  }

  #keep(one: Socket | Http2Session): void {
    this.#open.add(one)
    one.on('error', () => {})
    one.on('close', () => this.#open.delete(one))
  }

  #begin(end: End): void {
    const { does } = this.#trial
    this.told.push(act(end, does[Math.min(this.told.length, does.length - 1)], 'ABCDEF'))
  }
}
