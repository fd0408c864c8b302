import type { Server, Socket } from 'node:net'
import { directSocket } from '../network/direct-socket.ts'

/** What node:net has between a listening server and its sockets. */
interface ServerHandle {
  onconnection?: (this: ServerHandle, status: number, client: unknown) => void
}

/**
 * Makes the connections that `server` accepts sockets with direct reads while `wanted` says so. node:net offers those only to who
 * connects; this takes the accepted handle where its own `connection` event would. Without such a place everything stays as it is.
 */
export function acceptDirectly(server: Server, wanted: () => boolean, accept: (socket: Socket) => void): void {
  const handle = (server as unknown as { _handle?: ServerHandle })._handle
  const ordinary = handle?.onconnection
  if (handle === undefined || ordinary === undefined) return
  handle.onconnection = function (status, client) {
    if (status !== 0 || client == null || !wanted()) {
      ordinary.call(this, status, client)
      return
    }
    const socket = directSocket(client)
    socket.setNoDelay(true)
    accept(socket)
  }
}
