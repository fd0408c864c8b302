import { type Case, casesOf, SKIPPED } from './cases.ts'

const API = 'networking.istio.io/v1'
const server = { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }
const to = (host: string, weight?: number) => ({ destination: { host }, ...(weight === undefined ? {} : { weight }) })

export const NETWORKING_CASES: readonly Case[] = [
  ...casesOf(API, 'Gateway', {
    'bookinfo gateway': [{ selector: { istio: 'ingressgateway' }, servers: [server] }],
    tls: [{ servers: [{ ...server, tls: { mode: 'SIMPLE', credentialName: 'c' } }] }],
    'tls mode unknown': [
      { servers: [{ ...server, tls: { mode: 'NONE' } }] },
      'spec.servers[0].tls.mode: Unsupported value: "NONE": supported values: "PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"',
    ],
    'server without hosts': [{ servers: [{ port: server.port }] }, 'spec.servers[0].hosts: Required value'],
    'port as text': [
      { servers: [{ ...server, port: { ...server.port, number: '80' } }] },
      'spec.servers[0].port.number: Invalid value: "string": spec.servers[0].port.number in body must be of type integer: "string"',
    ],
  }),
  ...casesOf(API, 'VirtualService', {
    bookinfo: [
      {
        hosts: ['*'],
        gateways: ['bookinfo-gateway'],
        http: [
          { match: [{ uri: { exact: '/productpage' } }, { uri: { prefix: '/static' } }], route: [to('productpage')] },
        ],
      },
    ],
    'two kinds of match at once': [
      { hosts: ['a'], http: [{ match: [{ uri: { exact: '/a', prefix: '/b' } }], route: [to('a')] }] },
      '<nil>: Invalid value: "": "spec.http[0].match[0].uri" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
    'destination without host': [
      { hosts: ['a'], http: [{ route: [{ destination: {} }] }] },
      'spec.http[0].route[0].destination.host: Required value',
    ],
    'hosts as text': [
      { hosts: 'a', http: [{ route: [to('a')] }] },
      'spec.hosts: Invalid value: "string": spec.hosts in body must be of type array: "string"',
    ],
  }),
  ...casesOf(API, 'DestinationRule', {
    subsets: [{ host: 'reviews', subsets: [{ name: 'v1', labels: { version: 'v1' } }] }],
    'no host': [{ subsets: [] }, 'spec.host: Required value'],
  }),
  ...casesOf(API, 'ServiceEntry', {
    external: [
      { hosts: ['a.example.com'], ports: [{ number: 443, name: 'https', protocol: 'TLS' }], resolution: 'DNS' },
    ],
    'selector and endpoints': [
      { hosts: ['a.example.com'], workloadSelector: { labels: { a: 'b' } }, endpoints: [{ address: '10.0.0.1' }] },
      'spec: Invalid value: "object": only one of WorkloadSelector or Endpoints can be set',
    ],
    'no host': [{ ports: [] }, 'spec.hosts: Required value', SKIPPED],
  }),
  ...casesOf('networking.istio.io/v1alpha3', 'EnvoyFilter', {
    'remote Wasm': [
      {
        workloadSelector: { labels: { istio: 'ingressgateway' } },
        configPatches: [
          {
            applyTo: 'EXTENSION_CONFIG',
            match: { context: 'GATEWAY' },
            patch: { operation: 'ADD', value: { name: 'a', typed_config: { '@type': 'x', any: [1, null] } } },
          },
        ],
      },
    ],
    'for a Gateway': [{ targetRefs: [{ kind: 'Gateway', name: 'g', namespace: '' }] }],
    'applyTo unknown': [
      { configPatches: [{ applyTo: 'FILTER', patch: { operation: 'ADD', value: {} } }] },
      `spec.configPatches[0].applyTo: Unsupported value: "FILTER": supported values: ${applyTo()}`,
      SKIPPED,
    ],
    'selector and targetRefs': [
      { workloadSelector: { labels: { a: 'b' } }, targetRefs: [{ kind: 'Gateway', name: 'g' }] },
      'spec: Invalid value: "object": only one of targetRefs or workloadSelector can be set',
    ],
    'cross namespace': [
      { targetRefs: [{ kind: 'Gateway', name: 'g', namespace: 'n' }] },
      'spec.targetRefs[0].namespace: Invalid value: "string": cross namespace referencing is not currently supported',
    ],
  }),
]

function applyTo(): string {
  return 'INVALID LISTENER FILTER_CHAIN NETWORK_FILTER HTTP_FILTER ROUTE_CONFIGURATION VIRTUAL_HOST HTTP_ROUTE CLUSTER EXTENSION_CONFIG BOOTSTRAP LISTENER_FILTER'
    .split(' ')
    .map((name) => JSON.stringify(name))
    .join(', ')
}
