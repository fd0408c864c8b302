/** `/certs` of Envoy and of Sluice, for listeners and clusters with what they show and whom they trust. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Authority } from '../../src/proxy/listener/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { envoy } from '../peers/index.ts'
import { startWithAdmin, type Which } from './admin-peers.ts'

const peer = await envoy()
const EXTENSIONS = 'type.googleapis.com/envoy.extensions'
const ANY_PORT = { socket_address: { address: '127.0.0.1', port_value: 0 } }

const tls = (side: 'Downstream' | 'Upstream', common: unknown) => ({
  name: 'tls',
  typed_config: {
    '@type': `${EXTENSIONS}.transport_sockets.tls.v3.${side}TlsContext`,
    common_tls_context: common,
  },
})

const listener = (name: string, common: unknown) => ({
  name,
  address: ANY_PORT,
  filter_chains: [
    {
      transport_socket: tls('Downstream', common),
      filters: [
        {
          name: 'tcp',
          typed_config: {
            '@type': `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`,
            stat_prefix: 'tcp',
            cluster: 'plain',
          },
        },
      ],
    },
  ],
})

const cluster = (name: string, common: unknown) => ({
  name,
  type: 'STATIC',
  ...(common === undefined ? {} : { transport_socket: tls('Upstream', common) }),
})

async function bootstrap(dir: string): Promise<unknown> {
  const root = await new Authority().start('CN=one')
  const pair = await root.issue([
    { type: 'url', value: 'spiffe://mesh/ns/one' },
    { type: 'email', value: 'one@a.example' },
    { type: 'ip', value: '10.0.0.1' },
    { type: 'dns', value: 'a.example' },
    { type: 'ip', value: '2001:db8::1' },
    { type: 'dns', value: '*.b.example' },
  ])
  const bundle = `${root.pem}\n${(await new Authority().start('CN=two')).pem}`
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return { filename: join(dir, name) }
  }
  const shown = {
    certificate_chain: file('cert.pem', `${pair.cert}\n${root.pem}`),
    private_key: file('key.pem', pair.key),
  }
  const inline = { certificate_chain: { inline_string: pair.cert }, private_key: { inline_string: pair.key } }
  const trusted = { trusted_ca: file('bundle.pem', bundle) }
  return {
    node: { id: 'n', cluster: 'mesh' },
    admin: { address: ANY_PORT },
    static_resources: {
      secrets: [
        { name: 'shown', tls_certificate: inline },
        { name: 'trusted', validation_context: { trusted_ca: { inline_string: root.pem } } },
      ],
      listeners: [
        listener('l', { tls_certificates: [shown], validation_context: trusted }),
        listener('secrets', {
          tls_certificate_sds_secret_configs: [{ name: 'shown' }],
          validation_context_sds_secret_config: { name: 'trusted' },
        }),
      ],
      clusters: [
        cluster('plain', undefined),
        cluster('nobody', {}),
        cluster('trusts', { validation_context: trusted }),
        cluster('shows', { tls_certificates: [inline] }),
        cluster('combined', {
          combined_validation_context: {
            default_validation_context: trusted,
            validation_context_sds_secret_config: { name: 'trusted' },
          },
        }),
      ],
    },
  }
}

/** What a proxy tells that has started with the files in `dir`, when they are gone. */
async function certificates(which: Which, config: unknown, dir: string): Promise<unknown[]> {
  const { admin, stop } = await startWithAdmin(which, peer.path, config)
  const away = `${dir}-away`
  renameSync(dir, away)
  try {
    const answer = JSON.parse(await fetchText(`http://${admin}/certs`)) as { certificates: unknown[] }
    // Envoy keeps its contexts in a set, without an order.
    return answer.certificates.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  } finally {
    renameSync(away, dir)
    await stop()
  }
}

describe('certificates', { skip: peer.skip }, () => {
  test('are told as by Envoy, also when their files are gone', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-certs-'))
    try {
      const config = await bootstrap(dir)
      const theirs = await certificates('envoy', config, dir)
      const ours = await certificates('sluice', config, dir)
      assert.deepEqual(ours, theirs)
      assert.equal(theirs.length, 6)
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})
