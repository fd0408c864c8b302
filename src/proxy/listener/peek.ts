/** Looking at the first bytes of a connection before a filter chain is chosen, and putting them back. */
import type { Socket } from 'node:net'
import { HeldBytes } from './held-bytes.ts'
import type { Found, ListenerFilter } from './listener-filter.ts'
import type { ListenerStats } from './listener-stats.ts'

interface PeekOptions {
  readonly listenerFilters: readonly ListenerFilter[]
  readonly peekTimeoutMs: number
  readonly continueOnPeekTimeout: boolean
}

/** Calls back once, but for a connection that closes before; without anything for one that is to be closed. */
export function peek(
  socket: Socket,
  options: PeekOptions,
  stats: Pick<ListenerStats, 'peekTimeout' | 'peerEnded'>,
  done: (found: Found | undefined) => void,
): void {
  const filters = options.listenerFilters
  const found: Found = { serverName: '', transport: 'raw_buffer', protocols: [], addresses: {} }
  const held = new HeldBytes()
  let next = 0
  const finish = (result: Found | undefined) => {
    clearTimeout(timer)
    socket.off('data', onData)
    socket.off('close', onClose)
    socket.off('end', onEnd)
    socket.pause()
    if (result !== undefined && held.length > 0) socket.unshift(held.bytes)
    // Whoever takes the socket and wants it paused says so behind it.
    process.nextTick(() => {
      if (!socket.destroyed) socket.resume()
    })
    done(result)
  }
  const onTimeout = () => {
    stats.peekTimeout.value++
    finish(options.continueOnPeekTimeout ? found : undefined)
  }
  const timer = options.peekTimeoutMs === 0 ? undefined : setTimeout(onTimeout, options.peekTimeoutMs)
  const onClose = () => clearTimeout(timer)
  // As in Envoy there is no filter chain for who ends before it is known which one is his.
  const onEnd = () => {
    stats.peerEnded.value++
    finish(undefined)
  }
  const onData = (chunk: Buffer) => {
    let seen = held.length
    held.add(chunk)
    for (; next < filters.length; next++) {
      // What one has taken away may have been all; the next one looks at what comes then.
      if (held.length === 0) return
      const looked = filters[next].look(held.bytes, seen, found)
      if (looked === 'more') return
      if (looked === 'refused') {
        finish(undefined)
        return
      }
      held.drop(looked)
      seen = 0
    }
    finish(found)
  }
  socket.on('data', onData)
  socket.once('close', onClose)
  socket.once('end', onEnd)
}
