import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Closes with RST, as a peer's own is passed on: only a plain connection of TCP can; the others just close. */
export function resetSocket(socket: Socket): void {
  if (socket instanceof TLSSocket || socket.remotePort === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
