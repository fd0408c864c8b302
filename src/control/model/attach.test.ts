import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extension, workload } from '../testing.ts'
import { type AttachedService, attaches, gatewayListener, type ListenerInfo, matchesListener } from './attach.ts'
import type { TargetRef } from './extension.ts'
import type { Workload } from './workload.ts'

const ROOT = 'istio-system'
const inbound: ListenerInfo = { mode: 'SERVER', port: 0 }
const outbound: ListenerInfo = { mode: 'CLIENT', port: 0 }
const app = workload({ type: 'sidecar', namespace: 'default', labels: { app: 'a' } })

/** Istio's TestMatchListener, pilot/pkg/model/extensions_test.go. */
const LISTENER_CASES: [string, Record<string, unknown>, Workload, ListenerInfo, boolean][] = [
  ['nil match', {}, app, inbound, true],
  ['match by selector only', { selector: { matchLabels: { app: 'a' } } }, app, inbound, true],
  ['not match by selector', { selector: { matchLabels: { app: 'b' } } }, app, inbound, false],
  ['default selector', { match: [{}] }, app, inbound, true],
  ['SERVER matches inbound', { match: [{ mode: 'SERVER' }] }, app, inbound, true],
  ['SERVER with empty ports', { match: [{ mode: 'SERVER', ports: [] }] }, app, { ...inbound, port: 1 }, true],
  [
    'SERVER with equal port',
    { match: [{ mode: 'SERVER', ports: [{ number: 1 }] }] },
    app,
    { ...inbound, port: 1 },
    true,
  ],
  [
    'SERVER with other port',
    { match: [{ mode: 'SERVER', ports: [{ number: 2 }] }] },
    app,
    { ...inbound, port: 1 },
    false,
  ],
  [
    'match fits, selector does not',
    { selector: { matchLabels: { app: 'b' } }, match: [{ mode: 'SERVER' }] },
    app,
    inbound,
    false,
  ],
  ['CLIENT matches outbound', { match: [{ mode: 'CLIENT' }] }, app, outbound, true],
  ['CLIENT_AND_SERVER matches either', { match: [{ mode: 'CLIENT_AND_SERVER' }] }, app, outbound, true],
  ['CLIENT matches a gateway', { match: [{ mode: 'CLIENT' }] }, workload(), gatewayListener(80), true],
  ['SERVER does not match a gateway', { match: [{ mode: 'SERVER' }] }, workload(), gatewayListener(80), false],
]

for (const [name, spec, proxy, listener, expected] of LISTENER_CASES) {
  test(`TestMatchListener: ${name}`, () => {
    const subject = extension(spec, { namespace: proxy.namespace })
    assert.equal(matchesListener(subject, proxy, ROOT, listener, 'HTTP'), expected)
  })
}

test('TestTrafficExtensionWrapper_MatchType', () => {
  const proxy = workload()
  const http = extension({ wasm: { url: 'oci://x', type: 'HTTP' } })
  const unspecified = extension({ wasm: { url: 'oci://x' } })
  const network = extension({ wasm: { url: 'oci://x', type: 'NETWORK' } })
  const lua = extension({ lua: { inlineCode: 'x' } })
  const fits = (subject: typeof http, chain: 'HTTP' | 'NETWORK' | 'ANY') =>
    matchesListener(subject, proxy, ROOT, gatewayListener(80), chain)
  for (const chain of ['HTTP', 'NETWORK', 'ANY'] as const) {
    assert.equal(fits(http, chain), chain !== 'NETWORK')
    assert.equal(fits(unspecified, chain), chain !== 'NETWORK')
    assert.equal(fits(network, chain), chain !== 'HTTP')
    assert.equal(fits(lua, chain), chain !== 'NETWORK')
  }
})

const GATEWAY: TargetRef = {
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  name: 'sample-gateway',
  namespace: '',
}
const CLASS: TargetRef = {
  group: 'gateway.networking.k8s.io',
  kind: 'GatewayClass',
  name: 'istio-waypoint',
  namespace: '',
}
const SERVICE: TargetRef = { group: '', kind: 'Service', name: 'sample-svc', namespace: '' }
const ENTRY: TargetRef = { group: 'networking.istio.io', kind: 'ServiceEntry', name: 'sample-entry', namespace: '' }

const sidecar = workload({ type: 'sidecar', namespace: 'default', labels: { app: 'my-app' } })
const classic = workload({ namespace: 'default', labels: { istio: 'ingressgateway' } })
const apiGateway = workload({
  namespace: 'default',
  labels: { app: 'my-app', 'gateway.networking.k8s.io/gateway-name': 'sample-gateway' },
})
const waypoint = workload({
  type: 'waypoint',
  namespace: 'default',
  labels: { app: 'my-app', 'gateway.networking.k8s.io/gateway-name': 'sample-gateway' },
})
const service = (name: string, namespace: string): AttachedService => ({ name, namespace, kind: 'Service' })
const entry = (name: string, namespace: string): AttachedService => ({ name, namespace, kind: 'ServiceEntry' })

interface PolicyCase {
  name: string
  proxy: Workload
  selector?: Record<string, string>
  refs?: TargetRef[]
  namespace?: string
  services?: AttachedService[]
  expected: boolean
}

/** Istio's TestPolicyMatcher, pilot/pkg/model/policyattachment_test.go: proxy kinds by what the policy names. */
const POLICY_CASES: PolicyCase[] = [
  { name: 'sidecar, no selector, no ref', proxy: sidecar, expected: true },
  { name: 'sidecar, selector fits', proxy: sidecar, selector: { app: 'my-app' }, expected: true },
  { name: 'sidecar, selector does not fit', proxy: sidecar, selector: { app: 'other' }, expected: false },
  { name: 'sidecar, ref only', proxy: sidecar, refs: [GATEWAY], expected: false },
  { name: 'sidecar, selector and ref', proxy: sidecar, selector: { app: 'my-app' }, refs: [GATEWAY], expected: false },
  { name: 'classic gateway, selector fits', proxy: classic, selector: { istio: 'ingressgateway' }, expected: true },
  { name: 'classic gateway, ref only', proxy: classic, refs: [GATEWAY], expected: false },
  { name: 'gateway, ref fits', proxy: apiGateway, refs: [GATEWAY], expected: true },
  { name: 'gateway, ref to another', proxy: apiGateway, refs: [{ ...GATEWAY, name: 'other' }], expected: false },
  {
    name: 'gateway, policy of another namespace',
    proxy: apiGateway,
    refs: [GATEWAY],
    namespace: 'other',
    expected: false,
  },
  { name: 'gateway, ref of another group', proxy: apiGateway, refs: [{ ...GATEWAY, group: 'wrong' }], expected: false },
  { name: 'gateway, ref of another kind', proxy: apiGateway, refs: [{ ...GATEWAY, kind: 'Wrong' }], expected: false },
  { name: 'gateway, selector fits', proxy: apiGateway, selector: { app: 'my-app' }, expected: true },
  { name: 'gateway, selector fits not', proxy: apiGateway, selector: { app: 'other' }, expected: false },
  {
    name: 'gateway, ref counts and selector does not',
    proxy: apiGateway,
    selector: { app: 'x' },
    refs: [GATEWAY],
    expected: true,
  },
  { name: 'gateway, class ref', proxy: apiGateway, refs: [CLASS], namespace: ROOT, expected: false },
  { name: 'gateway, nothing', proxy: apiGateway, expected: true },
  { name: 'waypoint, nothing', proxy: waypoint, expected: false },
  { name: 'waypoint, selector fits', proxy: waypoint, selector: { app: 'my-app' }, expected: false },
  { name: 'waypoint, ref fits', proxy: waypoint, refs: [GATEWAY], expected: true },
  { name: 'waypoint, ref and selector', proxy: waypoint, selector: { app: 'x' }, refs: [GATEWAY], expected: true },
  {
    name: 'waypoint, one of several refs fits',
    proxy: waypoint,
    refs: [{ ...GATEWAY, name: 'x' }, GATEWAY],
    expected: true,
  },
  {
    name: 'waypoint, service',
    proxy: waypoint,
    refs: [SERVICE],
    services: [service('sample-svc', 'default')],
    expected: true,
  },
  {
    name: 'waypoint, service by group core',
    proxy: waypoint,
    refs: [{ ...SERVICE, group: 'core' }],
    services: [service('sample-svc', 'default')],
    expected: true,
  },
  {
    name: 'waypoint, service of another namespace',
    proxy: waypoint,
    refs: [SERVICE],
    services: [service('sample-svc', 'other')],
    expected: false,
  },
  {
    name: 'waypoint, another service',
    proxy: waypoint,
    refs: [SERVICE],
    services: [service('x', 'default')],
    expected: false,
  },
  {
    name: 'waypoint, one of several services',
    proxy: waypoint,
    refs: [SERVICE],
    services: [service('x', 'default'), service('sample-svc', 'default')],
    expected: true,
  },
  {
    name: 'waypoint, service entry',
    proxy: waypoint,
    refs: [ENTRY],
    services: [entry('sample-entry', 'default')],
    expected: true,
  },
  {
    name: 'waypoint, service entry is no service',
    proxy: waypoint,
    refs: [ENTRY],
    services: [service('sample-entry', 'default')],
    expected: false,
  },
  {
    name: 'waypoint in another namespace, service of the policy',
    proxy: { ...waypoint, namespace: 'infra' },
    refs: [SERVICE],
    services: [service('sample-svc', 'default')],
    expected: true,
  },
  {
    name: 'waypoint, class ref of the root namespace',
    proxy: waypoint,
    refs: [CLASS],
    namespace: ROOT,
    expected: true,
  },
  { name: 'waypoint, class ref of another namespace', proxy: waypoint, refs: [CLASS], expected: false },
  {
    name: 'waypoint, another class',
    proxy: waypoint,
    refs: [{ ...CLASS, name: 'istio' }],
    namespace: ROOT,
    expected: false,
  },
]

for (const { name, proxy, selector, refs = [], namespace = 'default', services, expected } of POLICY_CASES) {
  test(`TestPolicyMatcher: ${name}`, () => {
    assert.equal(attaches({ namespace, selector, targetRefs: refs }, proxy, ROOT, services), expected)
  })
}
