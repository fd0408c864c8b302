import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Message, readMessage } from './message.ts'

/** A server that reads requests as bytes, so that their form can be compared, and answers as it is told. */
export abstract class MessageServer {
  readonly #sockets = new Set<Socket>()
  readonly #server: Server = createServer((socket) => this.#serve(socket))

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.closeConnections()
    this.#server.close()
  }

  closeConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Answers one request. True: what the next reads bring is no request, and goes back as it comes. */
  protected abstract onMessage(socket: Socket, message: Message): boolean

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    let text = ''
    let tunnel = false
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (data) => {
      if (tunnel) {
        socket.write(data)
        return
      }
      text += data.toString('latin1')
      for (;;) {
        const read = readMessage(text, { isResponse: false, bodiless: () => false, ended: false })
        if (read === undefined || !read.message.complete) return
        text = text.slice(read.length)
        tunnel = this.onMessage(socket, read.message)
      }
    })
  }
}
