import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { before, describe, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { DownstreamTlsContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { parseMessage } from '../config/text.ts'
import { Authority, inline, type Pair } from '../listener/testing.ts'
import { DownstreamTls } from './downstream.ts'
import { TicketSecret } from './ticket-secret.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

interface Seen {
  /** What the server says: why it refuses the client, or whom it has shown and taken. */
  readonly server: string
  /** The first name of the certificate that the client saw, and the cipher. */
  readonly shown: string
  readonly cipher: string
  readonly protocol: string
  /** The error of the client's connection. */
  readonly ended: string
}

describe('a server', () => {
  let authority: Authority
  let one: Pair
  let two: Pair
  let wild: Pair
  let client: Pair

  before(async () => {
    authority = await new Authority().start()
    const issue = (value: string) => authority.issue([{ type: 'dns', value }])
    ;[one, two, wild, client] = await Promise.all(['one.example', 'two.example', '*.example', 'client'].map(issue))
  })

  const certificate = ({ cert, key }: Pair) => `{ certificate_chain: ${inline(cert)}, private_key: ${inline(key)} }`
  const context = (certificates: readonly Pair[], common = '', more = '') => {
    const text = `{ common_tls_context: { tls_certificates: [${certificates.map(certificate).join()}]${common} }${more} }`
    return new DownstreamTls(
      parseMessage(DownstreamTlsContextSchema, text, 'test'),
      { find: () => undefined },
      new TicketSecret(),
      'here',
    )
  }
  const trusting = (more: string) => `, validation_context: { trusted_ca: ${inline(authority.pem)}${more} }`
  const digest = (bytes: Buffer, encoding: 'hex' | 'base64') => createHash('sha256').update(bytes).digest(encoding)

  for (const maxVersion of VERSIONS) {
    // Who showed none was let in, though nobody had his name.
    test(`that wants names or hashes wants a certificate: ${maxVersion}`, async () => {
      const leaf = new X509Certificate(client.cert)
      const spki = digest(leaf.publicKey.export({ type: 'spki', format: 'der' }), 'base64')
      for (const wanted of [
        ', match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: client } }]',
        `, verify_certificate_hash: ["${digest(leaf.raw, 'hex')}"]`,
        `, verify_certificate_spki: ["${spki}"]`,
        `, verify_certificate_hash: ["${'0'.repeat(64)}"], verify_certificate_spki: ["${spki}"]`,
      ]) {
        const tls = context([one], trusting(wanted))
        assert.equal((await visit(tls, { maxVersion })).server, 'fail_verify_no_cert', wanted)
        assert.equal((await visit(tls, { maxVersion, ...client })).server, 'CN=one.example CN=client', wanted)
        const refused = wanted.includes('alt_names') ? 'fail_verify_san' : 'fail_verify_cert_hash'
        assert.equal((await visit(tls, { maxVersion, ...two })).server, refused, wanted)
      }
      assert.equal((await visit(context([one], trusting('')), { maxVersion })).server, 'CN=one.example')
    })

    // One alone was refused: the keys of the others were not those of the last.
    test(`shows of its certificates the one that a client asks for: ${maxVersion}`, async () => {
      for (const [scan, unknown] of [
        ['', 'two.example'],
        [', full_scan_certs_on_sni_mismatch: true', 'two.example'],
      ]) {
        const tls = context([two, wild, one], '', scan)
        const shown = async (servername?: string) => {
          const seen = await visit(tls, { maxVersion, ...(servername === undefined ? {} : { servername }) })
          assert.match(seen.server, new RegExp(`^CN=${seen.shown.replace('*', '')}$`))
          return seen.shown
        }
        assert.equal(await shown('one.example'), 'one.example')
        assert.equal(await shown('ONE.example'), 'one.example')
        assert.equal(await shown('other.example'), '*.example')
        assert.equal(await shown('a.b.example'), unknown)
        assert.equal(await shown(), 'two.example')
      }
    })

    // After a HelloRetryRequest Node has another context than before, which has to encrypt tickets and choose protocols, too.
    test(`also to clients that have to ask twice: ${maxVersion}`, async () => {
      const tls = context([two, one], ', alpn_protocols: [h2, a], tls_params: { ecdh_curves: [P-256] }')
      const seen = await visit(tls, { maxVersion, servername: 'one.example', ALPNProtocols: ['a'] })
      assert.equal(seen.protocol, 'a')
      assert.deepEqual([seen.server, seen.shown, seen.ended], ['CN=one.example', 'one.example', 'as it should'])
    })
  }

  test('speaks the ciphers of Envoy only, unless it is told others, and in its own order', async () => {
    const offer = (ciphers: string, tls = context([one])) => visit(tls, { maxVersion: 'TLSv1.2', ciphers })
    assert.equal((await offer('ECDHE-ECDSA-AES128-SHA')).shown, '')
    assert.equal((await offer('ECDHE-ECDSA-AES256-GCM-SHA384')).cipher, 'ECDHE-ECDSA-AES256-GCM-SHA384')
    const both = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256'
    assert.equal((await offer(both)).cipher, 'ECDHE-ECDSA-AES128-GCM-SHA256')
    const told = context([one], ', tls_params: { cipher_suites: [ECDHE-ECDSA-AES128-SHA] }')
    assert.equal((await offer('ECDHE-ECDSA-AES128-SHA', told)).cipher, 'ECDHE-ECDSA-AES128-SHA')
  })

  const listed = (...suites: string[]) =>
    context([one], `, tls_params: { cipher_suites: ${JSON.stringify(suites).replaceAll('"', "'")} }`)

  test('refuses ciphers that nobody knows beside others, and lists of none below TLS 1.3', () => {
    for (const suite of ['NONE', '[ECDHE-ECDSA-AES128-SHA|NONE]', 'TLS_NONE', 'TLS_RSA_WITH_NONE'])
      assert.throws(() => listed('ECDHE-ECDSA-AES128-GCM-SHA256', suite), /tls_params\.cipher_suites: /, suite)
    for (const suites of [
      ['TLS_AES_128_GCM_SHA256', ''],
      ['', ''],
    ])
      assert.throws(() => listed(...suites), /tls_params\.cipher_suites: has no cipher of TLS 1\.2/, suites.join())
  })

  test('passes over ciphers of TLS 1.3 and empty places, and takes names of IANA, as Envoy does', async () => {
    const only = async (...suites: string[]) => {
      const tls = listed(...suites)
      return (await visit(tls, { maxVersion: 'TLSv1.2', ciphers: 'ALL' })).cipher
    }
    assert.equal(await only('', 'TLS_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-SHA'), 'ECDHE-ECDSA-AES128-SHA')
    assert.equal(await only('[TLS_CHACHA20_POLY1305_SHA256|ECDHE-ECDSA-AES256-SHA]'), 'ECDHE-ECDSA-AES256-SHA')
    for (const [name, cipher] of [
      ['AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
      ['AES_256_CBC_SHA', 'AES256-SHA'],
      ['CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305'],
    ])
      assert.equal(await only(`TLS_ECDHE_ECDSA_WITH_${name}`), `ECDHE-ECDSA-${cipher}`)
  })
})

/** One connection, until both are done with the handshake. */
async function visit(tls: DownstreamTls, options: ConnectionOptions): Promise<Seen> {
  let said = (_: string) => {}
  const server = new Promise<string>((resolve) => (said = resolve))
  const listening = createServer((socket) => {
    const secure = tls.wrap(socket)
    secure.on('error', ({ message }) => said(message))
    secure.once('secure', () => {
      const result = tls.accept(secure)
      said('refused' in result ? result.refused : subjects(result.info))
      secure.resume().end()
    })
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  let [shown, cipher, protocol] = ['', '', '']
  socket.once('secureConnect', () => {
    shown = socket.getPeerX509Certificate()?.subjectAltName?.slice('DNS:'.length) ?? ''
    cipher = socket.getCipher().name
    protocol = String(socket.alpnProtocol)
  })
  let ended = 'as it should'
  socket.on('error', ({ message }) => (ended = message)).resume()
  await new Promise((resolve) => socket.once('close', resolve))
  listening.close()
  return { server: await server, shown, cipher, protocol, ended }
}

function subjects({
  local,
  peer,
}: {
  readonly local?: { readonly subject: string } | undefined
  readonly peer?: { readonly subject: string } | undefined
}): string {
  return [local, peer].flatMap((one) => (one === undefined ? [] : [one.subject])).join(' ')
}
