import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { Authority } from '../listener/testing.ts'
import { sessionId } from './session-id.ts'

test('a session and the one that resumes it have the same ID', async () => {
  const authority = await new Authority().start()
  const pair = await authority.issue([{ type: 'dns', value: 'one.example' }])
  const server = createServer({ ...pair, maxVersion: 'TLSv1.2' }, (socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const session = async (before?: Buffer) => {
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      servername: 'one.example',
      ca: authority.pem,
      ...(before === undefined ? {} : { session: before }),
    })
    await once(socket, 'secureConnect')
    const taken = { session: socket.getSession() as Buffer, resumed: socket.isSessionReused() }
    socket.destroy()
    return taken
  }
  try {
    const first = await session()
    const second = await session(first.session)
    assert.equal(second.resumed, true)
    assert.match(sessionId(first.session), /^[0-9a-f]{64}$/)
    assert.equal(sessionId(second.session), sessionId(first.session))
  } finally {
    server.close()
  }
})

test('no session, no ID', () => {
  assert.equal(sessionId(undefined), '')
  assert.equal(sessionId(Buffer.from('something else')), '')
  // 30 sequence, 02 version, 02 protocol, 04 cipher, 04 ID, with lengths in both forms.
  assert.equal(sessionId(Buffer.from('30810f020101020203030402c02b0402abcd', 'hex')), 'abcd')
})
