import type { Socket } from 'node:net'

const CHUNK = Buffer.alloc(256 * 1024, 'x')

/** Writes so many bytes, no faster than they are taken. */
export function sendBody(socket: Socket, bytes: number): void {
  let left = bytes
  const pump = () => {
    while (left > 0) {
      const part = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left)
      left -= part.length
      if (!socket.write(part) && left > 0) {
        socket.once('drain', pump)
        return
      }
    }
  }
  pump()
}
