/** Secrets from files: a real Envoy and Sluice watch the same ones, and see the same in each change. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { SecretSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { DiscoveryResponseSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { Authority, inline, type Pair, TLS } from '../../src/proxy/listener/testing.ts'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startBoth } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'
import { address, listener } from './secret-listener.ts'

const peer = await envoy()

/** What is seen of one secret: the certificate that is served, and what became of its deliveries. */
interface Seen {
  readonly certificate: string
  readonly counts: Readonly<Record<string, number>>
}

describe('secrets from files, beside Envoy', { skip: peer.skip }, () => {
  let dir: string
  let home: string
  let proxies: Record<'envoy' | 'sluice', RunningProxy>
  const pairs: Record<string, Pair> = {}
  const authorities: Record<string, Authority> = {}
  const file = (name: string) => join(dir, name)
  const move = (name: string, content: string) => {
    writeFileSync(file(`${name}.new`), content)
    renameSync(file(`${name}.new`), file(name))
  }
  const files = (name: string, source: object, ca?: object) =>
    listener(name, { path_config_source: source }, ca && { path_config_source: ca })
  const ofFiles = (name: string, directory: string) =>
    secret(
      name,
      `tls_certificate: { certificate_chain: { filename: ${file(`${directory}/tls.crt`)} }, private_key: { filename: ${file(`${directory}/tls.key`)} } }`,
    )

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-sds-'))
    home = mkdtempSync(join(tmpdir(), 'sluice-sds-envoy-'))
    for (const name of ['one', 'two']) {
      const authority = await new Authority().start()
      authorities[name] = authority
      pairs[name] = await authority.issue([{ type: 'dns', value: `${name}.example` }])
    }
    const { one, two } = pairs
    for (const name of ['yaml', 'mutual']) writeFileSync(file(`${name}.yaml`), secret(name, certificate(one)))
    writeFileSync(file('json.json'), json(one))
    writeFileSync(file('bad.yaml'), 'resources: []')
    writeFileSync(file('newer.pb'), newer(one))
    writeFileSync(file('ca.yaml'), secret('ca', `validation_context: { trusted_ca: { filename: ${file('ca.pem')} } }`))
    writeFileSync(file('ca.pem'), authorities.one.pem)
    for (const [directory, pair] of Object.entries({ pair: one, 'volume/..1': one, 'volume/..2': two })) {
      mkdirSync(file(directory), { recursive: true })
      writeFileSync(file(`${directory}/tls.crt`), pair.cert)
      writeFileSync(file(`${directory}/tls.key`), pair.key)
      writeFileSync(file(`${directory}/sds.yaml`), secret('volume', certificate(pair)))
    }
    writeFileSync(file('pair.yaml'), ofFiles('pair', 'pair'))
    writeFileSync(file('linked.yaml'), ofFiles('linked', 'volume'))
    symlinkSync('..1', file('volume/..data'))
    for (const name of ['tls.crt', 'tls.key', 'sds.yaml']) symlinkSync(`..data/${name}`, file(`volume/${name}`))
    const bootstrap = {
      node: { id: 'node', cluster: 'cluster' },
      admin: { address: address() },
      static_resources: {
        listeners: [
          files('yaml', { path: file('yaml.yaml') }),
          files('json', { path: file('json.json') }),
          files('pair', { path: file('pair.yaml') }),
          files('volume', { path: file('volume/sds.yaml'), watched_directory: { path: file('volume') } }),
          files('linked', { path: file('linked.yaml') }),
          files('bad', { path: file('bad.yaml') }),
          files('newer', { path: file('newer.pb') }),
          files('mutual', { path: file('mutual.yaml') }, { path: file('ca.yaml') }),
        ],
      },
    }
    const [theirs, ours] = await startBoth(peer.path, bootstrap, home)
    proxies = { envoy: theirs, sluice: ours }
  })

  after(async () => {
    for (const proxy of Object.values(proxies ?? {})) await proxy.stop()
    for (const path of [dir, home]) rmSync(path, { recursive: true })
  })

  async function look(proxy: RunningProxy, name: string): Promise<Seen> {
    const text = await fetchText(`http://${proxy.admin}/stats?filter=^sds.${name}.`)
    const counts = Object.fromEntries(
      [...text.matchAll(/\.(update_(?:attempt|success|failure|rejected)|key_rotation_failed): (\d+)/g)].map((m) => [
        m[1],
        Number(m[2]),
      ]),
    )
    return { certificate: await shown(proxy.ports.get(name) as number, pairs).catch(() => 'none'), counts }
  }

  /** What both see, which is the same, once it is this certificate and each of these was counted that often. */
  async function both(name: string, certificate: string, counts: Seen['counts']): Promise<void> {
    for (const [which, proxy] of Object.entries(proxies)) {
      let seen: Seen | undefined
      const there = async () => {
        seen = await look(proxy, name)
        const found = seen.counts
        return (
          seen.certificate === certificate && Object.entries(counts).every(([count, times]) => found[count] === times)
        )
      }
      const wanted = () => `${certificate} ${JSON.stringify(counts)} of ${which}, which has ${JSON.stringify(seen)}`
      await eventually(there, name, 10_000).catch(() => assert.fail(wanted()))
    }
  }

  const begun = { update_attempt: 1, update_success: 1, update_failure: 0, update_rejected: 0, key_rotation_failed: 0 }

  test('all begin with what the files hold', async () => {
    for (const name of ['yaml', 'json', 'pair', 'volume', 'linked']) await both(name, 'one', begun)
  })

  test('with a bad one the proxy is live, and refuses connections until there is a good one', async () => {
    const notReady = 'listener.bad.server_ssl_socket_factory.downstream_context_secrets_not_ready'
    for (const proxy of Object.values(proxies)) {
      assert.equal(await fetchText(`http://${proxy.admin}/ready`), 'LIVE\n')
      assert.equal(await answered(proxy.ports.get('bad') as number, pairs.one), false)
      assert.equal(await stat(proxy, notReady), 1)
    }
    move('bad.yaml', secret('bad', certificate(pairs.two)))
    await both('bad', 'two', { ...begun, update_attempt: 2, update_rejected: 1 })
  })

  test('a field of a newer API is not taken from a file', async () => {
    await both('newer', 'none', { ...begun, update_success: 0, update_rejected: 1 })
    const counted = await Promise.all(
      Object.values(proxies).flatMap((proxy) =>
        ['dynamic', 'static'].map((kind) => stat(proxy, `server.${kind}_unknown_fields`)),
      ),
    )
    assert.deepEqual(counted, [0, 0, 0, 0])
  })

  test('a file that is moved into place is taken, unless it cannot be used', async () => {
    const { one, two } = pairs
    const counts: Record<string, number> = { ...begun }
    const steps: readonly (readonly [string, string, string])[] = [
      [secret('yaml', certificate(two)), 'two', 'success'],
      ['resources: [', 'two', 'failure'],
      ['resources: []', 'two', 'rejected'],
      [secret('other', certificate(one)), 'two', 'rejected'],
      [secret('yaml', certificate({ cert: one.cert, key: two.key })), 'two', 'rejected'],
      [secret('yaml', certificate({ cert: 'none', key: one.key })), 'two', 'rejected'],
      [secret('yaml', `validation_context: { trusted_ca: ${inline(authorities.one.pem)} }`), 'two', 'rejected'],
      [
        secret('yaml', 'tls_certificate: { certificate_chain: { filename: /none }, private_key: { filename: /none } }'),
        'two',
        'rejected',
      ],
      [secret('yaml', certificate(one)), 'one', 'success'],
      [secret('yaml', certificate(one)), 'one', 'success'],
    ]
    for (const [content, served, outcome] of steps) {
      counts['update_attempt']++
      counts[`update_${outcome}`]++
      move('yaml.yaml', content)
      await both('yaml', served, counts)
    }
  })

  test('what is written in place, or taken away, is not read', async () => {
    writeFileSync(file('json.json'), json(pairs.two))
    await sleep(500)
    await both('json', 'one', begun)
    rmSync(file('json.json'))
    await sleep(500)
    await both('json', 'one', begun)
    // YAML where JSON is expected.
    move('json.json', secret('yaml', certificate(pairs.two)))
    await both('json', 'one', { ...begun, update_attempt: 2, update_failure: 1 })
    move('json.json', json(pairs.two))
    await both('json', 'two', { ...begun, update_attempt: 3, update_success: 2, update_failure: 1 })
  })

  test('a certificate and its key are moved one after the other', async () => {
    move('pair/tls.crt', pairs.two.cert)
    for (const proxy of Object.values(proxies)) {
      // Envoy watches their directory once for each of the two.
      await eventually(async () => (await look(proxy, 'pair')).counts['key_rotation_failed'] > 0)
      assert.equal((await look(proxy, 'pair')).certificate, 'one')
    }
    move('pair/tls.key', pairs.two.key)
    await both('pair', 'two', { update_attempt: 1 })
  })

  test('the links of a Kubernetes volume are swapped', async () => {
    symlinkSync('..2', file('volume/..data_tmp'))
    renameSync(file('volume/..data_tmp'), file('volume/..data'))
    await both('volume', 'two', { ...begun, update_attempt: 2, update_success: 2 })
    await both('linked', 'two', begun)
  })

  test('the new contexts of each listener are counted', async () => {
    const counted = Object.values(proxies).map(async ({ admin }) => {
      const text = await fetchText(`http://${admin}/stats?filter=ssl_context_update_by_sds`)
      return text
        .split('\n')
        .filter((line) => !line.includes('.pair.'))
        .sort()
    })
    const [theirs, ours] = await Promise.all(counted)
    assert.deepEqual(ours, theirs)
    assert.ok(ours.includes('listener.mutual.server_ssl_socket_factory.ssl_context_update_by_sds: 2'))
  })

  test('other clients are trusted', async () => {
    const welcome = async (name: string) =>
      Promise.all(Object.values(proxies).map((proxy) => answered(proxy.ports.get('mutual') as number, pairs[name])))
    assert.deepEqual(
      [await welcome('one'), await welcome('two')],
      [
        [true, true],
        [false, false],
      ],
    )
    move('ca.pem', 'no certificate')
    await sleep(500)
    assert.deepEqual(
      [await welcome('one'), await welcome('two')],
      [
        [true, true],
        [false, false],
      ],
    )
    move('ca.pem', authorities.two.pem)
    await eventually(async () => (await welcome('two')).every(Boolean))
    assert.deepEqual(await welcome('one'), [false, false])
  })
})

async function stat({ admin }: RunningProxy, name: string): Promise<number> {
  const text = await fetchText(`http://${admin}/stats?filter=^${name}$`)
  return Number(/: (\d+)/.exec(text)?.[1] ?? Number.NaN)
}

function secret(name: string, content: string): string {
  return `resources: [{ "@type": ${TLS}.Secret, name: ${name}, ${content} }]`
}

function certificate({ cert, key }: Pair): string {
  return `tls_certificate: { certificate_chain: ${inline(cert)}, private_key: ${inline(key)} }`
}

function json({ cert, key }: Pair): string {
  const tls_certificate = { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }
  return JSON.stringify({ resources: [{ '@type': `${TLS}.Secret`, name: 'json', tls_certificate }] })
}

/** With a field that nobody knows yet. */
function newer({ cert, key }: Pair): Uint8Array {
  const inlineString = (value: string) => ({ specifier: { case: 'inlineString' as const, value } })
  const made = create(SecretSchema, {
    name: 'newer',
    type: {
      case: 'tlsCertificate',
      value: { certificateChain: inlineString(cert), privateKey: inlineString(key) },
    },
  })
  made.$unknown = [{ no: 7777, wireType: 0, data: Uint8Array.of(1) }]
  const response = create(DiscoveryResponseSchema, { resources: [anyPack(SecretSchema, made)] })
  return toBinary(DiscoveryResponseSchema, response)
}

/** The name of the pair whose certificate the server shows. */
async function shown(port: number, pairs: Readonly<Record<string, Pair>>): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await within('a handshake', once(socket, 'secureConnect'))
  const pem = socket.getPeerX509Certificate()?.toString().trim()
  socket.destroy()
  return Object.entries(pairs).find(([, { cert }]) => cert === pem)?.[0] ?? 'another'
}

/** Whether a client with this certificate is served. */
function answered(port: number, pair: Pair): Promise<boolean> {
  const told = new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...pair })
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'))
    socket.on('data', (chunk) => {
      resolve(String(chunk).startsWith('HTTP/1.1 200'))
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(false))
  })
  return within('an answer, or the end of the connection', told)
}
