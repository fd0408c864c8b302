import { type Case, casesOf, SKIPPED } from './cases.ts'

const API = 'gateway.networking.k8s.io/v1'
const listener = { name: 'http', port: 80, protocol: 'HTTP' }
const gateway = (more: object, ...listeners: object[]) => ({
  gatewayClassName: 'istio',
  listeners: listeners.length > 0 ? listeners : [listener],
  ...more,
})
const LISTENERS = 'spec.listeners: Invalid value: "array": '
const cert = { certificateRefs: [{ name: 'c' }] }

export const GATEWAY_CASES: readonly Case[] = [
  ...casesOf(API, 'Gateway', {
    'bookinfo gateway': [gateway({})],
    'https and http': [
      gateway({}, listener, {
        name: 'https',
        port: 443,
        protocol: 'HTTPS',
        hostname: '*.example.com',
        tls: { mode: 'Terminate', ...cert },
      }),
    ],
    addresses: [
      gateway({
        addresses: [
          { value: '10.0.0.1' },
          { type: 'Hostname', value: 'a.example.com' },
          { type: 'Hostname', value: 'b' },
        ],
      }),
    ],
    'no listener': [
      { gatewayClassName: 'istio', listeners: [] },
      'spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items',
    ],
    'no class': [{ listeners: [listener] }, 'spec.gatewayClassName: Required value', SKIPPED],
    'tls on http': [
      gateway({}, { ...listener, tls: cert }),
      `${LISTENERS}tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']`,
    ],
    'https passes through': [
      gateway({}, { ...listener, protocol: 'HTTPS', tls: { mode: 'Passthrough' } }),
      `${LISTENERS}tls mode must be Terminate for protocol HTTPS`,
    ],
    'hostname on tcp': [
      gateway({}, { ...listener, protocol: 'TCP', hostname: 'a.example.com' }),
      `${LISTENERS}hostname must not be specified for protocols ['TCP', 'UDP']`,
    ],
    'listener name twice': [
      gateway({}, listener, { ...listener, port: 81 }),
      'spec.listeners[1]: Duplicate value: {"name":"http"}',
      `${LISTENERS}Listener name must be unique within the Gateway`,
    ],
    'listener port twice': [
      gateway({}, listener, { ...listener, name: 'again' }),
      `${LISTENERS}Combination of port, protocol and hostname must be unique for each listener`,
    ],
    'terminates without certificates': [
      gateway({}, { ...listener, protocol: 'HTTPS', tls: { certificateRefs: [], options: {} } }),
      'spec.listeners[0].tls: Invalid value: "object": certificateRefs or options must be specified when mode is Terminate',
    ],
    'address twice': [
      gateway({ addresses: [{ value: '10.0.0.1' }, { value: '10.0.0.1' }] }),
      'spec.addresses: Invalid value: "array": IPAddress values must be unique',
    ],
    'hostname twice': [
      gateway({
        addresses: [
          { type: 'Hostname', value: 'a' },
          { type: 'Hostname', value: 'a' },
        ],
      }),
      'spec.addresses: Invalid value: "array": Hostname values must be unique',
    ],
    'hostname no name': [
      gateway({ addresses: [{ type: 'Hostname', value: 'a_b' }] }),
      'spec.addresses[0]: Invalid value: "object": Hostname value must be empty or contain only valid characters (matching ^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)',
    ],
    'port out of range': [
      gateway({}, { ...listener, port: 0 }),
      'spec.listeners[0].port: Invalid value: 0: spec.listeners[0].port in body should be greater than or equal to 1',
    ],
  }),
  ...casesOf(API, 'GatewayClass', {
    class: [{ controllerName: 'istio.io/gateway-controller' }],
    'no controller': [{}, 'spec.controllerName: Required value', SKIPPED],
  }),
  {
    name: 'the controller changes',
    apiVersion: API,
    kind: 'GatewayClass',
    old: { controllerName: 'a.example.com/one' },
    spec: { controllerName: 'a.example.com/two' },
    says: ['spec.controllerName: Invalid value: "string": Value is immutable'],
  },
  {
    name: 'the controller stays',
    apiVersion: API,
    kind: 'GatewayClass',
    old: { controllerName: 'a.example.com/one' },
    spec: { controllerName: 'a.example.com/one', description: 'changed' },
    says: [],
  },
  ...casesOf('gateway.networking.k8s.io/v1beta1', 'ReferenceGrant', {
    grant: [
      {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'a' }],
        to: [{ group: '', kind: 'Service' }],
      },
    ],
    'nothing granted': [
      { from: [], to: [] },
      'spec.from: Invalid value: 0: spec.from in body should have at least 1 items',
      'spec.to: Invalid value: 0: spec.to in body should have at least 1 items',
    ],
  }),
]
