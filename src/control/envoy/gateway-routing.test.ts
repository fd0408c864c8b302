import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meshOf } from '../model/mesh.ts'
import { objectsOf, workload } from '../testing.ts'
import { gatewayRouting } from './gateway-routing.ts'

/** HTTPS on port 443 for these hosts. */
const gateway = (name: string, hosts: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 443, name: https, protocol: HTTPS }, hosts: ${hosts}, tls: { mode: SIMPLE, credentialName: ${name} } }
`

// Envoy refuses a listener whose chains ask for the same name, and with it the servers of everybody else on the port.
test('of two HTTPS servers for one host the first one stands, and the other is told of', () => {
  const text = [
    gateway('a', '[one.example, "*.example"]'),
    gateway('b', '[ONE.example]'),
    gateway('c', '[other.example]'),
  ]
  const proxy = workload({ namespace: 'default', labels: { istio: 'ingressgateway' } })
  const { ports, problems } = gatewayRouting(meshOf(objectsOf(text.join('---'))), proxy)
  assert.deepEqual(
    ports.flatMap(({ chains }) => chains.map(({ tls }) => tls?.serverNames)),
    [['one.example', '*.example'], ['other.example']],
  )
  assert.deepEqual(problems, [
    'Gateway default/b, port 443: the host one.example is that of another server of the port',
  ])
})

test('a host that two namespaces may serve is asked for once', () => {
  const proxy = workload({ namespace: 'default', labels: { istio: 'ingressgateway' } })
  const { ports } = gatewayRouting(meshOf(objectsOf(gateway('a', '[x/one.example, y/One.example]'))), proxy)
  assert.deepEqual(ports[0].chains[0].tls?.serverNames, ['one.example'])
})
