/** The upstream of a soak: misbehaves by path. Tells its port over IPC. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { BODY } from './requests.ts'

const answer = (status: string, body: string | Buffer) =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n`), Buffer.from(body)])
const OK = answer('200 OK', BODY)
const LARGE = answer('200 OK', Buffer.alloc(300_000, 'x'))
const FAILED = answer('500 Broken', 'broken')

/** Ids of requests that were reset once. */
const tried = new Set<string>()

class Connection {
  readonly #socket: Socket
  #text = ''
  /** Bytes of a body that are still to come. */
  #left = 0
  #chunked = false
  #path = ''

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(chunk.latin1Slice()))
  }

  #read(chunk: string): void {
    this.#text += chunk
    for (;;) {
      if (this.#path === '' && !this.#readHead()) return
      if (!this.#readBody()) return
      const path = this.#path
      this.#path = ''
      this.#answer(path)
    }
  }

  #readHead(): boolean {
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return false
    const head = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 4)
    this.#path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'))
    this.#left = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0)
    this.#chunked = head.includes('\r\ntransfer-encoding: chunked')
    return true
  }

  #readBody(): boolean {
    if (this.#chunked) {
      const end = this.#text.startsWith('0\r\n\r\n') ? 0 : this.#text.indexOf('\r\n0\r\n\r\n')
      if (end === -1) {
        // Only the end of the body is of interest.
        if (this.#text.length > 7) this.#text = this.#text.slice(-7)
        return false
      }
      this.#text = this.#text.slice(this.#text.indexOf('0\r\n\r\n', end) + 5)
      return true
    }
    if (this.#text.length < this.#left) {
      this.#left -= this.#text.length
      this.#text = ''
      return false
    }
    this.#text = this.#text.slice(this.#left)
    return true
  }

  #answer(path: string): void {
    const socket = this.#socket
    const [name, id] = path.slice(1).split('/')
    switch (name) {
      case 'large':
        socket.write(LARGE)
        break
      case 'slow':
        setTimeout(() => socket.write(OK), 20)
        break
      case 'flaky':
        if (tried.delete(id)) socket.write(OK)
        else {
          tried.add(id)
          socket.resetAndDestroy()
        }
        break
      case '500':
        socket.write(FAILED)
        break
      case 'never':
        break
      case 'reset-head':
        socket.write('HTTP/1.1 200 OK\r\ncontent-le', () => setTimeout(() => socket.resetAndDestroy(), 5))
        break
      case 'reset-body':
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', () =>
          setTimeout(() => socket.resetAndDestroy(), 5),
        )
        break
      default:
        socket.write(OK)
    }
  }
}

const server = createServer((socket) => new Connection(socket))
server.listen(0, '127.0.0.1', 1024, () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit(0))
