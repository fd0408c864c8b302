/** Answers `/<bytes>` with so many bytes, after it has read the request's body. The first argument is its port. */
import { createServer, type Socket } from 'node:net'
import { sendBody } from './send-body.ts'

function serve(socket: Socket): void {
  let head = ''
  let left = 0
  let wanted = 0
  const answer = () => {
    head = ''
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${wanted}\r\n\r\n`)
    sendBody(socket, wanted)
  }
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    let body = chunk.length
    if (left === 0) {
      head += chunk.latin1Slice()
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      wanted = Number(/^\S+ \/(\d*)/.exec(head)?.[1] ?? 0)
      left = Number(/\r\ncontent-length: (\d+)/.exec(head.slice(0, end))?.[1] ?? 0)
      body = head.length - end - 4
    }
    left -= body
    if (left === 0) answer()
  })
}

createServer(serve).listen(Number(process.argv[2]), '127.0.0.1')
