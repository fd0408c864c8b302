import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { DownstreamTlsContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { parseMessage } from '../config/text.ts'
import { Authority, inline, type Pair } from '../listener/testing.ts'
import { DownstreamTls } from './downstream.ts'
import { TicketSecret } from './ticket-secret.ts'

const DAY = 86_400
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

test('threads that looked at the clock at different times have the same keys, and nobody the forgotten ones', () => {
  const days = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 })
  fc.assert(
    fc.property(days, days, fc.integer({ min: 0, max: 400 }), (a, b, last) => {
      let now = 0
      const one = new TicketSecret(undefined, () => now)
      const other = new TicketSecret(one.seed, () => now)
      const of = (secret: TicketSecret, day: number) => {
        now = day * DAY
        return secret.keys(Buffer.from('context')).map((key) => key.toString('hex'))
      }
      const first = of(one, 0)
      for (const day of [...a].sort((x, y) => x - y)) of(one, day)
      for (const day of [...b].sort((x, y) => x - y)) of(other, day)
      const end = Math.max(last, ...a, ...b)
      const keys = of(one, end)
      assert.deepEqual(of(other, end), keys)
      assert.deepEqual(of(new TicketSecret(one.seed, () => now), end), keys)
      assert.equal(keys.length, Math.min(end + 1, 8))
      assert.equal(keys.includes(first[0]), end < 8)
    }),
  )
})

describe('own keys of session tickets', { timeout: 30_000 }, () => {
  let now = 0
  let servers: Server[] = []
  let ports: number[] = []

  before(async () => {
    const pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'a.example' }])
    const secret = new TicketSecret(undefined, () => now)
    // As two workers have it.
    const secrets = [secret, new TicketSecret(secret.seed, () => now)]
    servers = secrets.map((one) => serve(pair, one))
    await Promise.all(servers.map((server) => once(server, 'listening')))
    ports = servers.map((server) => (server.address() as AddressInfo).port)
  })

  after(() => {
    for (const server of servers) server.close()
  })

  for (const maxVersion of VERSIONS) {
    test(`change each day, and decrypt for seven: ${maxVersion}`, async () => {
      const begin = maxVersion === 'TLSv1.2' ? 100 : 200
      now = begin * DAY
      const { session } = await visit(ports[0], maxVersion)
      let renewed = session
      for (const port of ports) {
        for (const days of [0.9, 1, 6, 7]) {
          now = (begin + days) * DAY
          const again = await visit(port, maxVersion, session)
          assert.equal(again.reused, true, `after ${days} days`)
          // Who comes with the key of a day before leaves with that of today.
          renewed = again.session
        }
      }
      for (const port of ports) {
        now = (begin + 8) * DAY
        assert.equal((await visit(port, maxVersion, session)).reused, false)
        now = (begin + 14) * DAY
        assert.equal((await visit(port, maxVersion, renewed)).reused, true)
        now = (begin + 15) * DAY
        assert.equal((await visit(port, maxVersion, renewed)).reused, false)
      }
    })
  }
})

function serve({ cert, key }: Pair, secret: TicketSecret): Server {
  const yaml = `common_tls_context: { tls_certificates: [{ certificate_chain: ${inline(cert)}, private_key: ${inline(key)} }] }`
  const context = parseMessage(DownstreamTlsContextSchema, yaml, 'test')
  const tls = new DownstreamTls(context, { find: () => undefined }, secret, 'test')
  return createServer((socket) => {
    const secure = tls.wrap(socket)
    secure.on('error', () => {})
    secure.once('secure', () => {
      tls.accept(secure)
      secure.resume().end('x')
    })
  }).listen(0, '127.0.0.1')
}

/** One connection: whether it took up the session, and with which it can come back. */
async function visit(port: number, maxVersion: (typeof VERSIONS)[number], session?: Buffer) {
  const socket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    maxVersion,
    ...(session && { session }),
  })
  let given: Buffer | undefined
  // In TLS 1.3 tickets come after the handshake.
  socket.on('session', (one) => {
    given = one
  })
  await once(socket, 'secureConnect')
  given ??= socket.getSession() as Buffer
  const reused = socket.isSessionReused()
  socket.resume()
  await once(socket, 'close')
  return { reused, session: given }
}
