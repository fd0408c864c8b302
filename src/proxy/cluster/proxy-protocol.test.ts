import '../../base/reflect-metadata.ts'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createSecureContext, TLSSocket } from 'node:tls'
import { create } from '@bufbuild/protobuf'
import * as x509 from '@peculiar/x509'
import fc from 'fast-check'
import { ProxyProtocolUpstreamTransportSchema } from '../../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { isUnicast, readProxyHeader } from '../listener/proxy-protocol.ts'
import { cluster, get, httpListener, portOf, testProxy } from '../testing.ts'
import { proxyHeaderWriter } from './proxy-protocol.ts'

x509.cryptoProvider.set(webcrypto as never)

const SOCKETS = 'type.googleapis.com/envoy.extensions.transport_sockets'
const ip = fc.oneof(fc.ipV4(), fc.ipV6()).filter(isUnicast)
const port = fc.integer({ min: 0, max: 65_535 })

test('what is written is what is read', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0 as const, 1 as const),
      ip,
      ip,
      port,
      port,
      (version, from, to, remotePort, localPort) => {
        const write = proxyHeaderWriter(create(ProxyProtocolUpstreamTransportSchema, { config: { version } }), 'test')
        const source = { remoteAddress: from, localAddress: to, remotePort, localPort }
        const header = write(source)
        const read = readProxyHeader(header)
        assert.ok(read)
        assert.equal(read.length, header.length)
        const mixed = from.includes(':') !== to.includes(':')
        if (mixed) assert.deepEqual(read.addresses, {})
        else {
          const { remoteAddress, localAddress, ...ports } = read.addresses
          assert.deepEqual(ports, { remotePort, localPort })
          assert.deepEqual([canonical(remoteAddress), canonical(localAddress)], [canonical(from), canonical(to)])
        }
      },
    ),
  )
})

function canonical(address: string | undefined): string {
  return address?.includes(':') === true ? new URL(`http://[${address}]/`).hostname : String(address)
}

test('what the proxy asks of its own accord is from nobody', () => {
  for (const version of [0, 1] as const) {
    const write = proxyHeaderWriter(create(ProxyProtocolUpstreamTransportSchema, { config: { version } }), 'test')
    assert.deepEqual(readProxyHeader(write(undefined))?.addresses, {})
  }
})

// Node tells the zone of a link-local peer with its address, and a header may have one.
test('an address of a link is told without its zone', () => {
  const of = (remoteAddress: string, version: 0 | 1) => {
    const write = proxyHeaderWriter(create(ProxyProtocolUpstreamTransportSchema, { config: { version } }), 'test')
    return write({ remoteAddress, localAddress: 'fe80::2', remotePort: 1, localPort: 2 })
  }
  for (const version of [0, 1] as const) assert.deepEqual(of('fe80::1%eth0', version), of('fe80::1', version))
})

test('in front of TLS, for health checks too, and with a connection for each client', async () => {
  const { key, cert } = await certificate()
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('readable', () => {
      const head = socket.read() as Buffer
      const end = head.indexOf('\r\n') + 2
      seen.push(head.toString('latin1', 0, end - 2).replace(/ \d+ \d+$/, ''))
      if (end < head.length) socket.unshift(head.subarray(end))
      const tls = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ key, cert }) })
      tls.on('error', () => {})
      tls.on('data', () => tls.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const extra = `
transport_socket:
  name: proxied
  typed_config:
    "@type": ${SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport
    transport_socket: { name: tls, typed_config: { "@type": ${SOCKETS}.tls.v3.UpstreamTlsContext } }
health_checks: [{ timeout: 5s, interval: 60s, healthy_threshold: 1, unhealthy_threshold: 1, http_health_check: { path: / } }]`
  const proxy = await testProxy([httpListener({})], [cluster((server.address() as AddressInfo).port, extra)])
  try {
    assert.equal((await get(portOf(proxy), '/')).status, 200)
    assert.equal((await get(portOf(proxy), '/')).status, 200)
    const own = 'PROXY TCP4 127.0.0.1 127.0.0.1'
    assert.deepEqual(seen.sort(), [own, own, 'PROXY UNKNOWN'].sort())
  } finally {
    await proxy.close(100)
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

async function certificate(): Promise<{ key: string; cert: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const cert = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=a', keys: keys as never })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: cert.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') }
}
