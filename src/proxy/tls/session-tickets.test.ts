import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import type { ProxyHandle } from '../index.ts'
import { Authority, inline, type Pair, serverTls } from '../listener/testing.ts'
import { httpListener, portOf, testProxy } from '../testing.ts'

const [OLD, NEW] = ['a', 'b'].map((letter) => inline(letter.repeat(80)))

describe('session tickets', () => {
  let proxy: ProxyHandle
  let pair: Pair

  before(async () => {
    const authority = await new Authority().start()
    pair = await authority.issue([{ type: 'dns', value: 'a.example' }])
    const listener = (name: string, setting: string, extra = '') =>
      httpListener({
        name,
        routes: '[{ match: { prefix: / }, direct_response: { status: 200 } }]',
        chain: serverTls(pair, extra).replace('common_tls_context', `${setting}common_tls_context`),
      })
    proxy = await testProxy(
      [
        listener('own', ''),
        listener('old', `session_ticket_keys: { keys: [${OLD}] }, `),
        listener('rotated', `session_ticket_keys: { keys: [${NEW}, ${OLD}] }, `),
        listener('new', 'session_ticket_keys_sds_secret_config: { name: new }, '),
        listener(
          'stricter',
          `session_ticket_keys: { keys: [${OLD}] }, `,
          `, validation_context: { trusted_ca: ${inline(authority.pem)} }`,
        ),
      ],
      [],
      { workers: 2 },
      '',
      [`{ name: new, session_ticket_keys: { keys: [${NEW}] } }`],
    )
  })

  after(() => proxy.close(0))

  const visit = (name: string, options: ConnectionOptions = {}) => session(portOf(proxy, name), { ...pair, ...options })

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    // With keys of each worker's own, half of these began with a full handshake.
    test(`a session is resumed on every worker: ${maxVersion}`, async () => {
      const first = await visit('own', { maxVersion })
      for (let i = 0; i < 10; i++) {
        const again = await visit('own', { maxVersion, session: first.ticket })
        assert.equal(again.reused, true)
      }
    })

    test(`keys of the configuration: all decrypt, the first encrypts: ${maxVersion}`, async () => {
      const { ticket } = await visit('old', { maxVersion })
      const rotated = await visit('rotated', { maxVersion, session: ticket })
      assert.equal(rotated.reused, true)
      assert.equal((await visit('new', { maxVersion, session: ticket })).reused, false)
      const fresh = await visit('rotated', { maxVersion })
      assert.equal((await visit('new', { maxVersion, session: fresh.ticket })).reused, true)
    })

    test(`a session is not resumed where more is asked of clients, though the keys are the same: ${maxVersion}`, async () => {
      const { ticket } = await visit('old', { maxVersion })
      assert.equal((await visit('old', { maxVersion, session: ticket })).reused, true)
      assert.equal((await visit('stricter', { maxVersion, session: ticket })).reused, false)
    })
  }

  for (const [keys, problem] of [
    ['{ keys: [] }', /session_ticket_keys\.keys: at least one key/],
    [`{ keys: [${OLD}, { inline_string: short }] }`, /session_ticket_keys\.keys\[1\]: has 5 bytes, not 80/],
  ] as const) {
    test(`refused: ${problem.source}`, async () => {
      const chain = serverTls(pair).replace('common_tls_context', `session_ticket_keys: ${keys}, common_tls_context`)
      await assert.rejects(testProxy([httpListener({ chain })], []), problem)
    })
  }
})

/** One connection: whether it took up the session, and what it was given to come back with. */
async function session(port: number, options: ConnectionOptions): Promise<{ reused: boolean; ticket: Buffer }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  let ticket: Buffer = Buffer.alloc(0)
  socket.on('session', (one) => {
    ticket = one
  })
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  socket.resume().write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  await once(socket, 'close')
  return { reused, ticket }
}
