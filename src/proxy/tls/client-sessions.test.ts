/** Sessions of clients that were refused, or that would be by now: none of them is a way around the certificate. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { TypeUrl } from '../../xds/index.ts'
import { type ProxyHandle, startProxy } from '../index.ts'
import { Authority, inline, type Pair, serverTls, TLS } from '../listener/testing.ts'
import { anyYaml, eventually, httpListener, listenerAny, portOf, TestControl } from '../testing.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const SDS_CA = ', validation_context_sds_secret_config: { name: ca, sds_config: { ads: {} } }'
const KEYS = `session_ticket_keys: { keys: [${inline('k'.repeat(80))}] }, `

describe('sessions of clients with certificates', () => {
  const control = new TestControl()
  const authorities: Record<'one' | 'other', Authority> = { one: new Authority(), other: new Authority() }
  let proxy: ProxyHandle
  let client: Pair
  let stranger: Pair

  before(async () => {
    for (const authority of Object.values(authorities)) await authority.start()
    client = await authorities.one.issue([{ type: 'dns', value: 'client.example' }])
    stranger = await authorities.other.issue([{ type: 'dns', value: 'client.example' }])
    const chain = serverTls(client, SDS_CA)
    const routes = '[{ match: { prefix: / }, direct_response: { status: 200 } }]'
    control.set(TypeUrl.listener, {
      own: listenerAny(httpListener({ name: 'own', routes, chain })),
      // With these the session ID context alone tells one peer check from another.
      given: listenerAny(
        httpListener({
          name: 'given',
          routes,
          chain: chain.replace('common_tls_context', `${KEYS}common_tls_context`),
        }),
      ),
    })
    control.set(TypeUrl.secret, { ca: trusting(authorities.one) }).push()
    proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 2 })
    for (const name of ['own', 'given']) await proxy.listening(name)
  })

  after(async () => {
    await proxy.close(0)
    control.server.close()
  })

  async function trust(authority: Authority): Promise<void> {
    const version = control.set(TypeUrl.secret, { ca: trusting(authority) }).push()
    await eventually(() => control.acks.includes(`sds ${version}`))
  }

  for (const listener of ['own', 'given']) {
    for (const maxVersion of VERSIONS) {
      test(`who is refused gets no session to come back with: ${listener} keys, ${maxVersion}`, async () => {
        for (const pair of [stranger, {}]) {
          // In TLS 1.3 the client is through with its handshake before the server sees the certificate.
          const refused = await visit(portOf(proxy, listener), { ...pair, maxVersion })
          assert.deepEqual(refused, { answered: false, reused: false, ticket: undefined })
        }
        const accepted = await visit(portOf(proxy, listener), { ...client, maxVersion })
        assert.equal(accepted.answered, true)
      })

      test(`a session ends with the trust in its certificate: ${listener} keys, ${maxVersion}`, async () => {
        const port = portOf(proxy, listener)
        const { ticket: session } = await visit(port, { ...client, maxVersion })
        assert.ok(session)
        const again = await visit(port, { ...client, maxVersion, session })
        assert.deepEqual([again.answered, again.reused], [true, true])
        await trust(authorities.other)
        try {
          for (const pair of [client, stranger, {}]) {
            const { answered, reused } = await visit(port, { ...pair, maxVersion, session })
            assert.deepEqual([answered, reused], [pair === stranger, false])
          }
        } finally {
          await trust(authorities.one)
        }
      })
    }
  }
})

function trusting(authority: Authority) {
  return anyYaml(`{ "@type": ${TLS}.Secret, name: ca, validation_context: { trusted_ca: ${inline(authority.pem)} } }`)
}

interface Visit {
  /** Its request was. */
  readonly answered: boolean
  readonly reused: boolean
  readonly ticket: Buffer | undefined
}

/** One connection until it is over, however that comes; a server that leaves it open fails the test. */
function visit(port: number, options: ConnectionOptions): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    const timer = setTimeout(() => socket.destroy(new Error('the connection stays open')), 10_000)
    let answered = false
    let reused = false
    let ticket: Buffer | undefined
    let failure: NodeJS.ErrnoException | undefined
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused()
      socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    })
    socket.on('session', (session) => {
      ticket = session
    })
    socket.on('data', (chunk: Buffer) => {
      answered ||= chunk.toString().startsWith('HTTP/1.1 200')
    })
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => {
      clearTimeout(timer)
      // Being thrown out in the handshake is an error to this client, whatever the server says.
      if (failure === undefined || failure.code !== undefined) resolve({ answered, reused, ticket })
      else reject(failure)
    })
  })
}
