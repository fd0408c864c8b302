import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Closes with RST, as a peer's own is passed on: only a plain connection of TCP can; the others just close. */
export function resetSocket(socket: Socket): void {
  if (socket instanceof TLSSocket || socket.remotePort === undefined) socket.destroy()
  // While the end of its side leaves it cannot be reset (libuv: EINVAL), and Node would keep it for ever.
  else if (socket.writableEnded) socket.destroySoon()
  else socket.resetAndDestroy()
}
