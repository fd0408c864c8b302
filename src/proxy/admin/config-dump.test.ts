import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { create, fromBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { TypeUrl } from '../../xds/index.ts'
import { type ProxyHandle, startProxy } from '../index.ts'
import { Authority, inline, type Pair, serverTls, TLS } from '../listener/testing.ts'
import { cluster, eventually, httpListener, listenerAny, TestControl, testProxy } from '../testing.ts'

const TICKET_KEY = 'k'.repeat(80)
const TICKET_BYTES = Buffer.from('b'.repeat(80)).toString('base64')

describe('/config_dump', () => {
  let proxy: ProxyHandle
  let pair: Pair
  let text: string

  before(async () => {
    pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'a.example' }])
    const chain = (keys: string) =>
      serverTls(pair).replace('common_tls_context', `session_ticket_keys: { keys: [${keys}] }, common_tls_context`)
    const client = `transport_socket: { name: tls, typed_config: { "@type": xds.type.v3.TypedStruct, type_url: ${TLS}.UpstreamTlsContext, value: { commonTlsContext: { tlsCertificates: [{ certificateChain: ${inline(pair.cert)}, privateKey: ${inline(pair.key)} }] } } } }`
    proxy = await testProxy(
      [
        httpListener({ name: 'text', chain: chain(inline(TICKET_KEY)) }),
        httpListener({ name: 'bytes', chain: chain(`{ inline_bytes: ${TICKET_BYTES} }`) }),
      ],
      [cluster(1, client.replace('xds.type', 'type.googleapis.com/xds.type'))],
      { admin: { host: '127.0.0.1', port: 0 } },
      '',
      [
        `{ name: own, tls_certificate: { certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)} } }`,
        `{ name: tickets, session_ticket_keys: { keys: [${inline(TICKET_KEY)}] } }`,
      ],
    )
    text = await (await fetch(`http://${proxy.adminAddress}/config_dump`)).text()
  })

  after(() => proxy.close(0))

  test('tells no private key and no key of session tickets', () => {
    assert.ok(!text.includes('PRIVATE KEY'))
    assert.ok(!text.includes(TICKET_KEY))
    assert.ok(!text.includes(TICKET_BYTES))
  })

  test('says that something is there, and tells the rest', () => {
    assert.ok(text.includes('BEGIN CERTIFICATE'))
    const { configs } = JSON.parse(text)
    const [{ listener }, other] = configs[2].static_listeners
    const tls = (of: typeof listener) => of.filter_chains[0].transport_socket.typed_config
    assert.deepEqual(tls(listener).session_ticket_keys, { keys: [{ inline_string: '[redacted]' }] })
    assert.deepEqual(tls(other.listener).session_ticket_keys, { keys: [{ inline_bytes: 'W3JlZGFjdGVkXQ==' }] })
    const [certificate] = tls(listener).common_tls_context.tls_certificates
    assert.deepEqual(certificate.private_key, { inline_string: '[redacted]' })
  })
})

test('/config_dump tells which listeners were refused at last, also such as never were in force', async () => {
  const control = new TestControl()
  const admin = { host: '127.0.0.1', port: 0 }
  const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 1, admin })
  const listener = (more = '') =>
    listenerAny(
      httpListener({ routes: '[{ match: { prefix: / }, direct_response: { status: 200 } }]', listener: more }),
    )
  const push = async (listeners: Readonly<Record<string, Any>>) => {
    const version = control.set(TypeUrl.listener, listeners).push()
    const refused = control.nacks.length
    await eventually(() => control.nacks.length > refused || control.acks.includes(`lds ${version}`))
  }
  const told = async () => {
    const dump = await fetch(`http://${proxy.adminAddress}/config_dump?resource=dynamic_listeners`)
    const { configs } = (await dump.json()) as { configs: Record<string, Record<string, unknown>>[] }
    return configs
  }
  try {
    await push({ web: unknownFilter(listener()) })
    const [{ name, active_state, error_state: error }, ...more] = await told()
    assert.deepEqual([name, active_state, more], ['web', undefined, []])
    assert.match(String(error['details']), /filter_chains\[0\]\.filters\[0\]\.typed_config: unknown type some\.Filter$/)
    assert.match(
      JSON.stringify(error['failed_configuration']),
      /"typed_config":\{"@type":"type.googleapis.com\/some.Filter"/,
    )
    assert.deepEqual([error['version_info'], typeof error['last_update_attempt']], ['1', 'string'])
    await push({ web: listener() })
    assert.deepEqual(Object.keys((await told())[0]), ['@type', 'name', 'active_state'])
    await push({ web: listener('freebind: true') })
    assert.deepEqual(Object.keys((await told())[0]), ['@type', 'name', 'active_state', 'error_state'])
  } finally {
    await proxy.close(0)
    control.server.close()
  }
})

/** The listener with a filter of a type that nobody knows. */
function unknownFilter(any: Any): Any {
  const listener = fromBinary(ListenerSchema, any.value)
  const value = create(AnySchema, { typeUrl: 'type.googleapis.com/some.Filter' })
  listener.filterChains[0].filters[0].configType = { case: 'typedConfig', value }
  return anyPack(ListenerSchema, listener)
}
