/** Looking at the first bytes of a connection before a filter chain is chosen, and putting them back. */
import type { Socket } from 'node:net'
import { readClientHello } from './client-hello.ts'
import type { ChainFacts } from './filter-chain-match.ts'
import { readProxyHeader } from './proxy-protocol.ts'

export interface PeekOptions {
  readonly needsHttpPeek: boolean
  readonly proxyProtocol: boolean
  readonly peekTimeoutMs: number
  readonly continueOnPeekTimeout: boolean
}

export interface Peeked {
  readonly serverName: string
  readonly transport: 'tls' | 'raw_buffer'
  readonly protocols: readonly string[]
  /** What PROXY protocol says, in place of the socket's addresses. */
  readonly addresses: Partial<ChainFacts>
}

/** Why there is nothing to go by. */
export type PeekFailure = 'peekTimeout' | 'proxyHeaderError' | 'helloTooLarge'

const PLAIN: Peeked = { serverName: '', transport: 'raw_buffer', protocols: [], addresses: {} }

/** Calls back once, but for a connection that closes before. */
export function peek(socket: Socket, options: PeekOptions, done: (found: Peeked | PeekFailure) => void): void {
  let bytes: Buffer = Buffer.alloc(0)
  let addresses: Partial<ChainFacts> = {}
  let wantsProxyHeader = options.proxyProtocol
  const finish = (found: Peeked | PeekFailure) => {
    clearTimeout(timer)
    socket.off('data', onData)
    socket.off('close', onClose)
    socket.off('end', onEnd)
    socket.pause()
    if (bytes.length > 0) socket.unshift(bytes)
    done(found)
    if (!socket.destroyed) process.nextTick(() => socket.resume())
  }
  const onTimeout = () => finish(options.continueOnPeekTimeout ? { ...PLAIN, addresses } : 'peekTimeout')
  const timer = options.peekTimeoutMs === 0 ? undefined : setTimeout(onTimeout, options.peekTimeoutMs)
  const onClose = () => clearTimeout(timer)
  const onEnd = () => finish({ ...PLAIN, addresses })
  const onData = (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
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
      if (bytes.length === 0) return
    }
    const hello = readClientHello(bytes)
    if (hello === undefined) return
    if (hello === 'too large') finish('helloTooLarge')
    else if (hello !== null) finish({ ...hello, transport: 'tls', addresses })
    else finish({ ...PLAIN, protocols: options.needsHttpPeek ? httpProtocol(bytes) : [], addresses })
  }
  socket.on('data', onData)
  socket.once('close', onClose)
  socket.once('end', onEnd)
}

/** What Envoy's http_inspector says. */
function httpProtocol(bytes: Buffer): string[] {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, 1024))
  if (text.startsWith('PRI * HTTP/2.0')) return ['h2c']
  const match =
    /^[A-Z]{3,16} [^ ]+ HTTP\/1\.([01])\r/.exec(text) ??
    /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) /.exec(text)
  return match === null ? [] : [match[1] === '0' ? 'http/1.0' : 'http/1.1']
}
