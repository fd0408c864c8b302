import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meshOf } from '../model/mesh.ts'
import { objectsOf } from '../testing.ts'
import { clusters, loadAssignments } from './clusters.ts'

const mesh = (yaml: string) => meshOf(objectsOf(yaml))
const addresses = (assignment: unknown) =>
  [...JSON.stringify(assignment).matchAll(/"address":"([^"]+)","port_value":(\d+)/g)].map(
    ([, host, port]) => `${host}:${port}`,
  )

test('a ServiceEntry is found as it says: by listed endpoints, by name, or not at all', () => {
  const subject = mesh(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: listed }
spec:
  hosts: [listed.test]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }]
  endpoints: [{ address: 10.0.0.1 }, { address: 10.0.0.2, ports: { http: 81 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: named }
spec:
  hosts: [named.test, "*.wild.test"]
  resolution: DNS
  ports: [{ number: 443, name: grpc, protocol: GRPC }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: none }
spec: { hosts: [none.test], resolution: NONE, ports: [{ number: 80, name: http, protocol: HTTP }] }
`)
  const made = clusters(subject)
  assert.deepEqual(
    made.map(({ name, type }) => `${name} ${type}`),
    ['outbound|80||listed.test EDS', 'outbound|443||named.test STRICT_DNS'],
  )
  assert.deepEqual(addresses(made[1]['load_assignment']), ['named.test:443'])
  assert.notEqual(made[1]['typed_extension_protocol_options'], undefined)
  assert.deepEqual(loadAssignments(subject).map(addresses), [['10.0.0.1:8080', '10.0.0.2:81']])
})

test('an ExternalName service is resolved by DNS', () => {
  const [made] = clusters(
    mesh(`
apiVersion: v1
kind: Service
metadata: { name: x }
spec: { type: ExternalName, externalName: example.com, ports: [{ port: 80 }] }
`),
  )
  assert.equal(made['type'], 'STRICT_DNS')
  assert.equal(made['dns_lookup_family'], 'V4_PREFERRED')
  assert.deepEqual(addresses(made['load_assignment']), ['example.com:80'])
})

test('UDP ports make no clusters, unready endpoints are left out', () => {
  const subject = mesh(`
apiVersion: v1
kind: Service
metadata: { name: x }
spec: { ports: [{ name: dns, port: 53, protocol: UDP }, { name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: x-1, labels: { kubernetes.io/service-name: x } }
ports: [{ name: http, port: 8080 }]
endpoints:
  - { addresses: [10.0.0.1], conditions: { ready: true } }
  - { addresses: [10.0.0.2], conditions: { ready: false } }
  - { addresses: [10.0.0.3], conditions: {} }
`)
  assert.deepEqual(clusters(subject).length, 1)
  assert.deepEqual(loadAssignments(subject).map(addresses), [['10.0.0.1:8080', '10.0.0.3:8080']])
})
