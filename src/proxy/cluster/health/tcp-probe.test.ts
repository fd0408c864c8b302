import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { create, fromJson, type JsonObject } from '@bufbuild/protobuf'
import { HealthCheckSchema } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { rawUpstream } from '../../testing.ts'
import { EndpointHost } from '../endpoint-host.ts'
import { healthProbe } from './make-probe.ts'
import type { ProbeOutcome } from './probe.ts'

function hostAt(port: number): EndpointHost {
  const locality = { region: '', zone: '', subZone: '' }
  const endpoint = { ip: '127.0.0.1', port, hostname: '', metadata: {}, locality, weight: 1, priority: 0 }
  const host = new EndpointHost(
    { ...endpoint, internalListener: '', healthPort: port, healthHostname: '', healthChecked: true },
    { name: 'c', statName: 'c', protocol: 'HTTP/1.1', metadata: {} },
  )
  host.transport = { tls: undefined, proxyHeader: undefined, keepAliveMs: undefined }
  return host
}

async function ask(check: JsonObject, serve: (socket: Socket) => void, times = 1) {
  const connections: Socket[] = []
  const upstream = await rawUpstream((socket) => {
    connections.push(socket)
    serve(socket)
  })
  const proto = fromJson(HealthCheckSchema, { timeout: '0.3s', tcp_health_check: {}, ...check } as JsonObject)
  const probe = healthProbe(proto, 'c', 'check')(hostAt(upstream.port))
  const outcomes: ProbeOutcome[] = []
  for (let i = 0; i < times; i++)
    outcomes.push(await new Promise<ProbeOutcome>((resolve) => probe.check((outcome) => resolve(outcome))))
  probe.close()
  await upstream.close()
  return { outcomes, connections: connections.length }
}

const hex = (text: string) => Buffer.from(text).toString('hex')
const PING: JsonObject = { send: { text: hex('PING\r\n') }, receive: [{ text: hex('+PO') }, { binary: 'TkcK' }] }
const answers =
  (...parts: readonly string[]) =>
  (socket: Socket) => {
    socket.on('data', (data) => {
      if (String(data) === 'PING\r\n') for (const part of parts) socket.write(part)
    })
  }

for (const [what, check, serve, expected] of [
  ['a connection is enough where nothing is to be received', {}, () => {}, 'healthy'],
  ['the parts in order, with something between them', PING, answers('x+PO', '--NG\ny'), 'healthy'],
  ['the parts in another order', PING, answers('NG\n+PO'), 'failed'],
  ['no answer', PING, () => {}, 'failed'],
  ['the end of the connection', PING, (socket: Socket) => socket.end(), 'failed'],
] as const) {
  test(`TCP health check: ${what}`, async () => {
    const { outcomes } = await ask({ tcp_health_check: check } as JsonObject, serve)
    assert.deepEqual(outcomes, [expected])
  })
}

test('a connection is used again, unless that is turned off', async () => {
  const check = { tcp_health_check: PING }
  assert.equal((await ask(check, answers('+PONG\n'), 3)).connections, 1)
  assert.equal((await ask({ ...check, reuse_connection: false }, answers('+PONG\n'), 3)).connections, 3)
})

test('payloads in wrong digits are refused with their place', () => {
  for (const text of ['', 'abc', 'zz']) {
    const receive = [{ payload: { case: 'text' as const, value: text } }]
    const check = create(HealthCheckSchema, { healthChecker: { case: 'tcpHealthCheck', value: { receive } } })
    assert.throws(() => healthProbe(check, 'c', 'check'), /check\.tcp_health_check\.receive\[0\]\.text/)
  }
})
