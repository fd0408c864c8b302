import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, before, beforeEach, describe, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { TypeUrl } from '../../xds/index.ts'
import { type ProxyHandle, startProxy } from '../index.ts'
import { Authority, inline, type Pair, serverTls, TLS } from '../listener/testing.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  eventually,
  get,
  httpListener,
  listenerAny,
  portOf,
  TestControl,
  testProxy,
} from '../testing.ts'

const ROUTES = '[{ match: { prefix: / }, direct_response: { status: 200 } }]'

describe('secrets from files', () => {
  const authority = new Authority()
  let one: Pair
  let two: Pair
  let dir: string
  let proxy: ProxyHandle | undefined

  before(async () => {
    await authority.start()
    one = await authority.issue([{ type: 'dns', value: 'one.example' }])
    two = await authority.issue([{ type: 'dns', value: 'two.example' }])
  })

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
  })

  afterEach(async () => {
    await proxy?.close(0)
    proxy = undefined
    rmSync(dir, { recursive: true })
  })

  const file = (name: string) => join(dir, name)
  function move(name: string, content: string): void {
    writeFileSync(file('.new'), content)
    renameSync(file('.new'), file(name))
  }
  const source = (name = 'cert.yaml', watched = '') =>
    `{ path_config_source: { path: ${file(name)}${watched === '' ? '' : `, watched_directory: { path: ${file(watched)} }`} } }`
  const serving = (config = source(), name = 'cert') =>
    `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: ${name}, sds_config: ${config} }] } } }`
  const listener = (chain = serving(), name = 'web') => httpListener({ name, routes: ROUTES, chain })
  const start = async (listeners: readonly string[], clusters: readonly string[] = [], workers = 1) => {
    proxy = await testProxy(listeners, clusters, { workers, admin: { host: '127.0.0.1', port: 0 } })
    return proxy
  }
  const stat = async (name: string) => {
    const text = await (await fetch(`http://${proxy?.adminAddress}/stats?filter=^${name}$`)).text()
    return Number(/: (\d+)/.exec(text)?.[1] ?? Number.NaN)
  }
  /** Until it is so on all connections in a row, that is in all workers. */
  const served = (running: ProxyHandle, pair: Pair, name = 'web') =>
    eventually(async () => {
      for (let i = 0; i < 8; i++) if ((await certificate(portOf(running, name))) !== pair.cert) return false
      return true
    }, 'the certificate')

  test('a static listener waits for it, and every worker takes the next; open connections live on', async () => {
    writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
    const running = await start([listener()], [], 2)
    assert.equal(running.isReady, true)
    await served(running, one)
    const open = await handshake(portOf(running))
    move('cert.yaml', secrets(certificateSecret(two)))
    await served(running, two)
    open.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    const [answer] = await once(open, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 200/)
    open.destroy()
    assert.deepEqual([await stat('sds.cert.update_attempt'), await stat('sds.cert.update_success')], [2, 2])
    assert.equal(await stat('listener.127.0.0.1_0.server_ssl_socket_factory.ssl_context_update_by_sds'), 2)
  })

  test('a worker that takes the place of a dead one has it, too', async () => {
    writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
    const running = await start([listener()], [], 2)
    move('cert.yaml', secrets(certificateSecret(two)))
    await served(running, two)
    await running.workers.kill(0)
    await running.workers.kill(1)
    await eventually(async () => (await certificate(portOf(running)).catch(() => '')) === two.cert)
  })

  test('what cannot be used is told and counted, and the last good one stays', async () => {
    writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
    const running = await start([listener()])
    const bad: readonly (readonly [string, string])[] = [
      ['resources: [', 'failure'],
      ['resources: []', 'rejected'],
      [secrets(certificateSecret(two), certificateSecret(two)), 'rejected'],
      [secrets(certificateSecret(two, 'other')), 'rejected'],
      [secrets(certificateSecret({ cert: two.cert, key: one.key })), 'rejected'],
      [secrets(certificateSecret({ cert: 'none', key: two.key })), 'rejected'],
      [secrets(`name: cert, validation_context: { trusted_ca: ${inline(authority.pem)} }`), 'rejected'],
      [secrets('name: cert, tls_certificate: { certificate_chain: { filename: /none } }'), 'rejected'],
      [secrets('name: cert, tls_certificate: { watched_directory: { path: /none } }'), 'rejected'],
    ]
    const counts = { failure: 0, rejected: 0 }
    for (const [content, kind] of bad) {
      counts[kind as keyof typeof counts]++
      move('cert.yaml', content)
      await eventually(async () => (await stat(`sds.cert.update_${kind}`)) === counts[kind as keyof typeof counts])
      assert.equal(await certificate(portOf(running)), one.cert, content)
    }
    assert.equal(await stat('sds.cert.update_success'), 1)
    move('cert.yaml', secrets(certificateSecret(two)))
    await served(running, two)
  })

  test('with bad content at the start the proxy is ready, and connections are refused until a good one comes', async () => {
    writeFileSync(file('cert.yaml'), 'resources: []')
    const running = await start([listener()])
    assert.equal(running.isReady, true)
    await assert.rejects(handshake(portOf(running)))
    assert.equal(await stat('listener.127.0.0.1_0.server_ssl_socket_factory.downstream_context_secrets_not_ready'), 1)
    move('cert.yaml', secrets(certificateSecret(one)))
    await eventually(async () => (await certificate(portOf(running)).catch(() => '')) === one.cert)
  })

  test('files that the secret names: a move of either is seen, and a pair that does not fit is not taken', async () => {
    writeFileSync(file('tls.crt'), one.cert)
    writeFileSync(file('tls.key'), one.key)
    mkdirSync(file('sds'))
    writeFileSync(
      file('sds/cert.json'),
      JSON.stringify({
        resources: [
          {
            '@type': `${TLS}.Secret`,
            name: 'cert',
            tls_certificate: {
              certificate_chain: { filename: file('tls.crt') },
              private_key: { filename: file('tls.key') },
            },
          },
        ],
      }),
    )
    const running = await start([listener(serving(source('sds/cert.json')))])
    await served(running, one)
    move('tls.crt', two.cert)
    await eventually(async () => (await stat('sds.cert.key_rotation_failed')) === 1)
    await served(running, one)
    move('tls.key', two.key)
    await served(running, two)
    assert.equal(await stat('sds.cert.update_attempt'), 1)
  })

  test('watched directories: the links of a Kubernetes volume are swapped', async () => {
    for (const [name, pair] of Object.entries({ '..1': one, '..2': two })) {
      mkdirSync(file(name))
      writeFileSync(file(`${name}/tls.crt`), pair.cert)
      writeFileSync(file(`${name}/tls.key`), pair.key)
      const watched = `, watched_directory: { path: ${dir} }`
      const of = (end: string) => `{ filename: ${file(`tls.${end}`)} }`
      writeFileSync(
        file(`${name}/cert.yaml`),
        secrets(
          `name: cert, tls_certificate: { certificate_chain: ${of('crt')}, private_key: ${of('key')}${watched} }`,
        ),
      )
    }
    symlinkSync('..1', file('..data'))
    for (const name of ['tls.crt', 'tls.key', 'cert.yaml']) symlinkSync(`..data/${name}`, file(name))
    const running = await start([listener(serving(source('cert.yaml', '.')))])
    await served(running, one)
    symlinkSync('..2', file('..data_tmp'))
    renameSync(file('..data_tmp'), file('..data'))
    await served(running, two)
    assert.equal(await stat('sds.cert.key_rotation_failed'), 0)
  })

  test('the same name from two files, and from the bootstrap, stands for three secrets', async () => {
    writeFileSync(file('a.yaml'), secrets(certificateSecret(one)))
    writeFileSync(file('b.yaml'), secrets(certificateSecret(two)))
    const running = await start([
      listener(serving(source('a.yaml')), 'a'),
      // As it was written before.
      listener(serving(`{ path: ${file('b.yaml')} }`), 'b'),
    ])
    await served(running, one, 'a')
    await served(running, two, 'b')
  })

  test('clusters show a new certificate to their upstream, and trust another authority', async () => {
    // OpenSSL finds an authority by its name: with the same for both it would try the wrong one, and Node's server close for that.
    const other = await new Authority().start('CN=other root')
    const strange = await other.issue([{ type: 'dns', value: 'strange.example' }])
    const seen: string[] = []
    const server = createServer(
      { ...one, ca: [authority.pem, other.pem], requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        seen.push((request.socket as TLSSocket).getPeerX509Certificate()?.toString().trim() ?? '')
        response.end()
      },
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const trusting = (pem: string) => secrets(`name: ca, validation_context: { trusted_ca: ${inline(pem)} }`)
      writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
      writeFileSync(file('ca.yaml'), trusting(authority.pem))
      const socket = `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.UpstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: cert, sds_config: ${source()} }], validation_context_sds_secret_config: { name: ca, sds_config: ${source('ca.yaml')} } } } }`
      const running = await start([httpListener({})], [cluster((server.address() as AddressInfo).port, socket)])
      const ask = async () => (await get(portOf(running))).status
      assert.equal(await ask(), 200)
      move('cert.yaml', secrets(certificateSecret(strange)))
      await eventually(async () => (await ask()) === 200 && seen.at(-1) === strange.cert)
      assert.equal(seen[0], one.cert)
      move('ca.yaml', trusting(other.pem))
      await eventually(async () => (await ask()) === 503)
      assert.equal(await stat('cluster.up.client_ssl_socket_factory.ssl_context_update_by_sds'), 4)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  test('a listener of a management server may have its certificate from a file; what nobody needs is forgotten', async () => {
    const control = new TestControl()
    proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 1 })
    try {
      writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(1)) })
      control.set(TypeUrl.listener, { web: listenerAny(listener()) }).push()
      await proxy.listening('web')
      assert.equal(await certificate(portOf(proxy)), one.cert)
      assert.equal(proxy.config.secrets.size, 1)
      control.set(TypeUrl.listener, {}).push()
      await eventually(() => proxy?.config.secrets.size === 0)
      control.set(TypeUrl.listener, { web: listenerAny(listener(serving(source('none.yaml')))) }).push()
      await eventually(() => control.nacks.length > 0)
      assert.match(
        control.nacks[0].error,
        /listener "web"\.filter_chains\[0\]\.transport_socket\.common_tls_context\.tls_certificate_sds_secret_configs\[0\]\.sds_config\.path_config_source\.path: «.*none\.yaml» does not exist/,
      )
    } finally {
      control.server.close()
    }
  })

  test('a secret by SDS that nobody needs any more is let go, and comes anew to who needs it again', async () => {
    const control = new TestControl()
    proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 2 })
    try {
      const inlined = (pair: Pair) => anyYaml(`{ "@type": ${TLS}.Secret, ${certificateSecret(pair)} }`)
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(1)) })
      control.set(TypeUrl.listener, { web: listenerAny(listener(serving('{ ads: {} }'))) })
      control.set(TypeUrl.secret, { cert: inlined(one) }).push()
      await proxy.listening('web')
      await served(proxy, one)
      control.set(TypeUrl.listener, {}).push()
      await eventually(() => proxy?.config.secrets.size === 0)
      control.set(TypeUrl.listener, { web: listenerAny(listener(serving('{ ads: {} }'))) })
      control.set(TypeUrl.secret, { cert: inlined(two) }).push()
      await proxy.listening('web')
      await served(proxy, two)
      assert.deepEqual(control.nacks, [])
    } finally {
      control.server.close()
    }
  })

  test('files of a secret by SDS are watched; a bad secret by SDS leaves the last good one', async () => {
    const control = new TestControl()
    proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 1 })
    try {
      writeFileSync(file('tls.crt'), one.cert)
      writeFileSync(file('tls.key'), one.key)
      const secret = (key: string) =>
        anyYaml(
          `{ "@type": ${TLS}.Secret, name: cert, tls_certificate: { certificate_chain: { filename: ${file('tls.crt')} }, private_key: ${key} } }`,
        )
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(1)) })
      control.set(TypeUrl.listener, { web: listenerAny(listener(serving('{ ads: {} }'))) })
      control.set(TypeUrl.secret, { cert: secret(`{ filename: ${file('tls.key')} }`) }).push()
      const { port } = await proxy.listening('web')
      control.set(TypeUrl.secret, { cert: secret(inline(two.key)) }).push()
      await eventually(() => control.nacks.length > 0)
      assert.match(control.nacks[0].error, /secret "cert"\.tls_certificate\.private_key: .*key values mismatch/)
      assert.equal(await certificate(port), one.cert)
      move('tls.key', two.key)
      move('tls.crt', two.cert)
      await served(proxy, two)
    } finally {
      control.server.close()
    }
  })

  test('tells no key of a file', async () => {
    writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
    await start([listener()])
    const dump = await (await fetch(`http://${proxy?.adminAddress}/config_dump?resource=dynamic_active_secrets`)).text()
    const [{ name, secret }] = JSON.parse(dump).configs
    assert.equal(name, `cert (tls_certificate in ${file('cert.yaml')})`)
    assert.deepEqual(secret.tls_certificate.certificate_chain, { inline_string: one.cert })
    assert.deepEqual(secret.tls_certificate.private_key, { inline_string: '[redacted]' })
  })

  const where = 'listener "web".filter_chains[0].transport_socket.common_tls_context'
  const config = `${where}.tls_certificate_sds_secret_configs[0].sds_config`
  for (const [what, chain, problem] of [
    ['a file that is not there', () => serving(source('none.yaml')), `${config}.path_config_source.path: `],
    ['the same, as it was written before', () => serving(`{ path: ${file('no')} }`), `${config}.path: `],
    [
      'a directory that is not there',
      () => serving(source('cert.yaml', 'none')),
      `${config}.path_config_source.watched_directory.path: `,
    ],
    [
      'a directory to watch where nothing comes by SDS',
      () => serverTls(one).replace('private_key', 'watched_directory: { path: /tmp }, private_key'),
      `${where}.tls_certificates[0].watched_directory: `,
    ],
  ] as const) {
    test(`refused: ${what}`, async () => {
      writeFileSync(file('cert.yaml'), secrets(certificateSecret(one)))
      await assert.rejects(start([listener(chain())]), ({ message }: Error) => message.includes(`: ${problem}`))
    })
  }
})

/** A file with these secrets. */
function secrets(...list: readonly string[]): string {
  return `resources: [${list.map((fields) => `{ "@type": ${TLS}.Secret, ${fields} }`).join(', ')}]`
}

function certificateSecret({ cert, key }: Pair, name = 'cert'): string {
  return `name: ${name}, tls_certificate: { certificate_chain: ${inline(cert)}, private_key: ${inline(key)} }`
}

async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  await once(socket, 'secureConnect')
  return socket
}

/** What the server shows. */
async function certificate(port: number): Promise<string> {
  const socket = await handshake(port)
  const shown = socket.getPeerX509Certificate()?.toString().trim() ?? ''
  socket.destroy()
  return shown
}
