import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meshOf } from '../model/mesh.ts'
import { objectsOf, workload } from '../testing.ts'
import { attachRoutes, gatewayApiServers, serves } from './gateway-api.ts'

const CLASS = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: istio }
spec: { controllerName: istio.io/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: other }
spec: { controllerName: example.com/other }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: shop } }
`

interface Case {
  name: string
  /** Of the one listener. */
  listener?: string
  gatewayClass?: string
  /** Of the route: metadata, parentRef, hostnames. */
  namespace?: string
  parent?: string
  hostnames?: string
  /** The hosts that it gets, or the reason of its refusal; undefined when it is not ours. */
  expected: string[] | string | undefined
}

/** The rules of the API for attaching a route; names are those of its conformance tests where there is one. */
const CASES: Case[] = [
  { name: 'same namespace', expected: ['*'] },
  { name: 'HTTPRouteInvalidCrossNamespaceParentRef', namespace: 'shop', expected: 'NotAllowedByListeners' },
  {
    name: 'HTTPRouteCrossNamespace',
    listener: 'allowedRoutes: { namespaces: { from: All } }',
    namespace: 'shop',
    expected: ['*'],
  },
  {
    name: 'namespaces by selector',
    listener: 'allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { team: shop } } } }',
    namespace: 'shop',
    expected: ['*'],
  },
  {
    name: 'namespaces by expression that does not fit',
    listener:
      'allowedRoutes: { namespaces: { from: Selector, selector: { matchExpressions: [{ key: team, operator: NotIn, values: [shop] }] } } }',
    namespace: 'shop',
    expected: 'NotAllowedByListeners',
  },
  {
    name: 'HTTPRouteInvalidParentRefNotMatchingSectionName',
    parent: 'sectionName: nope',
    expected: 'NoMatchingParent',
  },
  { name: 'parentRef by port', parent: 'port: 80', expected: ['*'] },
  { name: 'parentRef by another port', parent: 'port: 81', expected: 'NoMatchingParent' },
  {
    name: 'only other kinds allowed',
    listener: 'allowedRoutes: { kinds: [{ kind: TLSRoute }] }',
    expected: 'NotAllowedByListeners',
  },
  {
    name: 'HTTPRouteHostnameIntersection',
    listener: 'hostname: "*.example.com"',
    hostnames: '[a.example.com, b.org]',
    expected: ['a.example.com'],
  },
  { name: 'no hostnames take the listener’s', listener: 'hostname: a.example.com', expected: ['a.example.com'] },
  {
    name: 'a wider wildcard takes the listener’s',
    listener: 'hostname: a.example.com',
    hostnames: '["*.com"]',
    expected: ['a.example.com'],
  },
  {
    name: 'no common hostname',
    listener: 'hostname: a.org',
    hostnames: '[b.org]',
    expected: 'NoMatchingListenerHostname',
  },
  { name: 'a Gateway of another controller', gatewayClass: 'other', expected: undefined },
]

for (const {
  name,
  listener = '',
  gatewayClass = 'istio',
  namespace = 'default',
  parent = '',
  hostnames,
  expected,
} of CASES) {
  test(name, () => {
    const extra = (text: string) => (text === '' ? '' : `, ${text}`)
    const mesh = meshOf(
      objectsOf(`${CLASS}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw }
spec:
  gatewayClassName: ${gatewayClass}
  listeners: [{ name: http, port: 80, protocol: HTTP${extra(listener)} }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: ${namespace} }
spec:
  parentRefs: [{ name: gw, namespace: default${extra(parent)} }]
  ${hostnames === undefined ? '' : `hostnames: ${hostnames}`}
`),
    )
    const { listeners, parents } = attachRoutes(mesh)
    if (expected === undefined) {
      assert.deepEqual([listeners, parents], [[], []])
      return
    }
    assert.equal(parents.length, 1)
    if (typeof expected === 'string') {
      assert.equal(parents[0].accepted.reason, expected)
      assert.deepEqual(listeners[0].routes, [])
    } else {
      assert.equal(parents[0].accepted.ok, true)
      assert.deepEqual(listeners[0].routes[0].hosts, expected)
    }
  })
}

const MANUAL = `${CLASS}
---
apiVersion: v1
kind: Service
metadata: { name: ingress, namespace: istio-system }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw }
spec:
  gatewayClassName: istio
  addresses: [{ type: Hostname, value: ingress.istio-system.svc.cluster.local }]
  listeners: [{ name: http, port: 80, protocol: HTTP }]
`

test('a Gateway that names a Service is served by the Pods behind it, on their ports', () => {
  const mesh = meshOf(objectsOf(MANUAL))
  const [gateway] = mesh.all('gateway')
  const behind = workload({ labels: { istio: 'ingressgateway' } })
  assert.equal(serves(mesh, behind, gateway), true)
  assert.equal(serves(mesh, workload({ labels: { istio: 'other' } }), gateway), false)
  assert.equal(serves(mesh, { ...behind, namespace: 'default' }, gateway), false)
  assert.deepEqual(
    gatewayApiServers(mesh, behind).map(({ server }) => [server.port, server.listenPort]),
    [[80, 8080]],
  )
})
