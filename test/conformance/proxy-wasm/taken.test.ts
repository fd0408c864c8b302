import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { taken } from './taken.ts'

test('waits until the peer has read', {
  skip: process.platform === 'linux' ? false : 'needs /proc/net/tcp',
}, async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [[Socket], unknown]
    socket.write('piece')
    let done = false
    const waiting = taken(socket).then(() => {
      done = true
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(done, false)
    peer.resume()
    await waiting
    assert.equal(peer.bytesRead, 5)
  } finally {
    socket.destroy()
    server.close()
  }
})
