import { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { connect as connectTls } from 'node:tls'
import type { Cell } from '../../telemetry/metrics.ts'
import { directSocket } from '../network/direct-socket.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import type { EndpointHost } from './endpoint-host.ts'
import { UpstreamFailure } from './upstream.ts'
import { UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamTls } from './upstream-tls.ts'

/** The pool's side of an attempt. */
export interface ConnectOwner {
  readonly settings: { readonly preamble?: Buffer; readonly serverName?: string }
  connected(socket: Socket, about: UpstreamConnection): void
  connectFailed(failure: UpstreamFailure, reason: string): void
}

/** One attempt to connect, TLS handshake included. Who gets the socket reads it by `readInto`. */
export class Connecting implements TimeoutOwner {
  readonly #owner: ConnectOwner
  readonly #host: EndpointHost
  readonly #tls: UpstreamTls | undefined
  readonly #timeoutMs: number
  readonly #depth: number
  readonly #timeout = new Timeout(this, 0)
  #socket: Socket | undefined

  constructor(owner: ConnectOwner, host: EndpointHost, tls: UpstreamTls | undefined, timeoutMs: number, depth: number) {
    this.#owner = owner
    this.#host = host
    this.#tls = tls
    this.#timeoutMs = timeoutMs
    this.#depth = depth
  }

  start(): void {
    this.#timeout.arm(this.#timeoutMs)
    const began = performance.now()
    let connected = 0
    const tls = this.#tls
    const { preamble, serverName } = this.#owner.settings
    const host = this.#host
    const socket =
      tls === undefined && host.internal === undefined
        ? dial(directSocket(), host, host.port, preamble)
        : openSocket(host, tls, preamble, host.port, this.#depth, false, serverName)
    this.#socket = socket
    const fail = (reason: string) => {
      this.#timeout.cancel()
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.destroy()
      this.#owner.connectFailed(UpstreamFailure.ConnectFailure, reason)
    }
    const failed = (error: Error) => fail(tls === undefined ? error.message : tls.failure(socket, error))
    const early = () => fail('connection closed while connecting')
    socket.once('error', failed)
    socket.once('close', early)
    if (tls !== undefined) socket.once('connect', () => (connected = performance.now()))
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      this.#timeout.cancel()
      const refused = tls?.verify(socket, serverName)
      if (refused !== undefined) {
        fail(refused)
        return
      }
      socket.off('close', early)
      socket.off('error', failed)
      this.#owner.connected(socket, upstreamConnection(socket, tls, began, connected, serverName))
    })
  }

  onTimeout(): void {
    const socket = this.#socket as Socket
    socket.removeAllListeners()
    socket.on('error', () => {})
    socket.destroy()
    this.#owner.connectFailed(UpstreamFailure.ConnectTimeout, 'connect timeout')
  }
}

/** Once it may be used; `connectedMono`: when it was connected, which without TLS is now (0). */
export function upstreamConnection(
  socket: Socket,
  tls: UpstreamTls | undefined,
  beganMono: number,
  connectedMono: number,
  serverName?: string,
): UpstreamConnection {
  const now = performance.now()
  const info = tls?.info(socket, serverName)
  return new UpstreamConnection(socket, info, beganMono, connectedMono || now, info === undefined ? 0 : now)
}

/**
 * Opens a socket to a host; for TLS `secureConnect` says when it may be used. `preamble` goes in front of everything, TLS too; `depth`: how
 * many internal listeners the client came through; `allowHalfOpen`: it is for bytes, not requests, and the host's end is not the socket's.
 */
export function openSocket(
  host: EndpointHost,
  tls: UpstreamTls | undefined,
  preamble: Buffer | undefined,
  port: number,
  depth = 0,
  allowHalfOpen = false,
  serverName?: string,
): Socket {
  if (tls?.notReady !== undefined) return refused(tls.notReady)
  const { internal } = host
  if (internal !== undefined) {
    const plain = internal(depth)
    if (preamble !== undefined) plain.write(preamble)
    return tls === undefined ? plain : secured(plain, tls, !allowHalfOpen, serverName)
  }
  if (tls === undefined) return dial(new Socket({ allowHalfOpen }), host, port, preamble)
  if (preamble === undefined) {
    const { keepAliveMs } = host.transport
    const options = { ...addressOf(host, port), ...tls.options(!allowHalfOpen, serverName), allowHalfOpen }
    const socket = connectTls(options)
    socket.setNoDelay(true)
    if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs)
    return socket
  }
  return secured(dial(new Socket({ allowHalfOpen }), host, port, preamble), tls, !allowHalfOpen, serverName)
}

/** Never connects. */
function refused(count: Cell): Socket {
  count.value++
  return new Socket().destroy(new Error('TLS error: Secret is not supplied by SDS'))
}

function secured(plain: Socket, tls: UpstreamTls, http: boolean, serverName: string | undefined): Socket {
  const socket = connectTls({ socket: plain, ...tls.options(http, serverName) })
  plain.on('error', (error) => socket.destroy(error))
  return socket
}

function addressOf({ ip }: EndpointHost, port: number): { path: string } | { host: string; port: number } {
  return ip.startsWith('/') ? { path: ip } : { host: ip, port }
}

function dial(socket: Socket, host: EndpointHost, port: number, preamble: Buffer | undefined): Socket {
  const { keepAliveMs } = host.transport
  socket.setNoDelay(true).connect(addressOf(host, port))
  if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs)
  if (preamble !== undefined) socket.write(preamble)
  return socket
}
