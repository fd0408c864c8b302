import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { resetSocket } from './reset-socket.ts'

test('a connection whose side ends at the same time closes, too', { timeout: 5000 }, async () => {
  const server = createServer({ allowHalfOpen: true }, (peer) => peer.on('error', () => {}).resume())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  socket.end()
  resetSocket(socket)
  await once(socket, 'close')
  server.close()
})
