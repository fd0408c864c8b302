/** Looking at the first bytes of a connection before a filter chain is chosen, and putting them back. */
import type { Socket } from 'node:net'
import type { ChainFacts } from './chain-facts.ts'
import { readClientHello } from './client-hello.ts'
import { inspectHttp } from './http-inspector.ts'
import { readProxyHeader } from './proxy-protocol.ts'

export interface PeekOptions {
  readonly inspectsTls: boolean
  readonly inspectsHttp: boolean
  readonly proxyProtocol: boolean
  readonly peekTimeoutMs: number
  readonly continueOnPeekTimeout: boolean
}

export interface Peeked {
  /** In lower case. */
  readonly serverName: string
  readonly transport: 'tls' | 'raw_buffer'
  readonly protocols: readonly string[]
  /** What PROXY protocol says, in place of the socket's addresses. */
  readonly addresses: Partial<ChainFacts>
}

/** Why there is nothing to go by. */
export type PeekFailure = 'peekTimeout' | 'peerEnded' | 'proxyHeaderError' | 'helloTooLarge'

const PLAIN: Peeked = { serverName: '', transport: 'raw_buffer', protocols: [], addresses: {} }

/** Calls back once, but for a connection that closes before. */
export function peek(socket: Socket, options: PeekOptions, done: (found: Peeked | PeekFailure) => void): void {
  let bytes: Buffer = Buffer.alloc(0)
  let addresses: Partial<ChainFacts> = {}
  let wantsProxyHeader = options.proxyProtocol
  let wantsHello = options.inspectsTls
  const finish = (found: Peeked | PeekFailure) => {
    clearTimeout(timer)
    socket.off('data', onData)
    socket.off('close', onClose)
    socket.off('end', onEnd)
    socket.pause()
    if (typeof found !== 'string' && bytes.length > 0) socket.unshift(bytes)
    done(found)
    if (!socket.destroyed) process.nextTick(() => socket.resume())
  }
  const onTimeout = () => finish(options.continueOnPeekTimeout ? { ...PLAIN, addresses } : 'peekTimeout')
  const timer = options.peekTimeoutMs === 0 ? undefined : setTimeout(onTimeout, options.peekTimeoutMs)
  const onClose = () => clearTimeout(timer)
  // As in Envoy there is no filter chain for who ends before it is known which one is his.
  const onEnd = () => finish('peerEnded')
  const onData = (chunk: Buffer) => {
    let seen = bytes.length
    bytes = seen === 0 ? chunk : Buffer.concat([bytes, chunk])
    if (wantsProxyHeader) {
      const header = readProxyHeader(bytes)
      if (header === undefined) return
      if (header === null) {
        finish('proxyHeaderError')
        return
      }
      addresses = header.addresses
      bytes = bytes.subarray(header.length)
      wantsProxyHeader = false
      seen = 0
    }
    if (bytes.length === 0 && (wantsHello || options.inspectsHttp)) return
    if (wantsHello) {
      const hello = readClientHello(bytes)
      if (hello === undefined) return
      if (hello !== null) {
        finish(hello === 'too large' ? 'helloTooLarge' : { ...hello, transport: 'tls', addresses })
        return
      }
      wantsHello = false
      seen = 0
    }
    const protocols = options.inspectsHttp ? inspectHttp(bytes, seen) : PLAIN.protocols
    if (protocols !== undefined) finish({ ...PLAIN, protocols, addresses })
  }
  socket.on('data', onData)
  socket.once('close', onClose)
  socket.once('end', onEnd)
}
