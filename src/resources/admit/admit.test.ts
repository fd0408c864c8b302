import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { admit } from './index.ts'

type Table = Record<string, [spec: unknown, ...errors: string[]]>

function run(apiVersion: string, kind: string, table: Table, name = 'x'): void {
  describe(kind, () => {
    for (const [title, [spec, ...errors]] of Object.entries(table)) {
      test(title, () => {
        const found = admit({ apiVersion, kind, metadata: { name }, spec } as Parameters<typeof admit>[0])
        assert.deepEqual(found.errors.map(({ message }) => message).sort(), errors.sort())
        for (const { field } of found.errors) assert.match(field, /^(spec|metadata)/)
      })
    }
  })
}

function warnings(apiVersion: string, kind: string, spec: unknown): string[] {
  return admit({ apiVersion, kind, metadata: { name: 'x' }, spec } as Parameters<typeof admit>[0]).warnings
}

const HEX = 'a'.repeat(64)
const url = 'http://test.com/test'
const EXTENSIONS = 'extensions.istio.io/v1alpha1'
const NETWORKING = 'networking.istio.io/v1'
const TARGETS =
  'core/Service networking.istio.io/ServiceEntry gateway.networking.k8s.io/Gateway gateway.networking.k8s.io/GatewayClass'

// The cases of TestValidateWasmPlugin (istio/pkg/config/validation/validation_test.go) by their names, and one for each other text.
run(EXTENSIONS, 'WasmPlugin', {
  empty: [{}, 'url field needs to be set'],
  'invalid url': [
    { url: 'notavalid%%Url;)' },
    'failed to parse url: parse "notavalid%%Url;)": invalid URI for request',
  ],
  'wrong scheme': [{ url: 'ftp://test.com/test' }, 'url contains unsupported scheme: ftp'],
  'valid http': [{ url }],
  'valid http w/ sha': [{ url, sha256: '01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b' }],
  'short sha': [{ url, sha256: '01ba47' }, 'sha256 field must be 64 characters long'],
  'invalid sha': [{ url, sha256: 'test' }, 'sha256 field must be 64 characters long'],
  'invalid sha characters': [{ url, sha256: `B${HEX.slice(1)}` }, 'sha256 field must match [a-f0-9]{64} pattern'],
  'valid oci': [{ url: 'oci://test.com/test' }],
  'valid oci no scheme': [{ url: 'test.com/test' }],
  'valid vm config - empty': [{ url, vmConfig: {} }],
  'valid vm config - single env': [{ url, vmConfig: { env: [{ name: 'key1', valueFrom: 'HOST' }] } }],
  'valid vm config - multiple env': [
    {
      url,
      vmConfig: {
        env: [
          { name: 'key1', valueFrom: 'HOST' },
          { name: 'key2', value: 'value' },
        ],
      },
    },
  ],
  'valid vm config - redundant env': [
    { url, vmConfig: { env: [{ name: 'key1', valueFrom: 'HOST', value: 'v' }] } },
    'value may only be set when valueFrom is INLINE',
  ],
  'invalid vm config - duplicate env': [
    { url, vmConfig: { env: [{ name: 'key1' }, { name: 'key1' }] } },
    'duplicate env',
  ],
  'env without a name': [{ url, vmConfig: { env: [{ value: 'v' }] } }, 'spec.vmConfig.env invalid'],
  'env name too long': [
    { url, vmConfig: { env: [{ name: 'a'.repeat(257) }] } },
    'env.name field must be less than 255 characters long',
  ],
  'target-ref-good': [{ url, targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'g' } }],
  'target-refs-good': [
    {
      url,
      targetRefs: [
        { group: 'core', kind: 'Service', name: 's' },
        { kind: 'Service', name: 's' },
      ],
    },
  ],
  'target-ref-and-selector-cannot-both-be-set': [
    {
      url,
      selector: { matchLabels: { a: 'b' } },
      targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'g' },
    },
    'only one of targetRefs or workloadSelector can be set',
  ],
  'target-ref-empty-name': [
    { url, targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway' } },
    'targetRef name must be set',
  ],
  'target-ref-non-empty-namespace': [
    { url, targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'g', namespace: 'n' } },
    'targetRef namespace must not be set; cross namespace referencing is not supported',
  ],
  'target-ref-wrong-group': [
    { url, targetRef: { group: 'wrong', kind: 'Gateway', name: 'g' } },
    `targetRef must be to one of [${TARGETS}] but was wrong/Gateway`,
  ],
  'target-refs-wrong-kind': [
    { url, targetRefs: [{ kind: 'Pod', name: 'g' }] },
    `targetRef must be to one of [${TARGETS}] but was core/Pod`,
  ],
  'selector wildcard and empty key': [
    { url, selector: { matchLabels: { 'a*': 'b', '': 'c' } } },
    'wildcard is not supported in selector: "a*=b"',
    'empty key is not supported in selector: "=c"',
  ],
  'image pull secret too long': [
    { url, imagePullSecret: 's'.repeat(254) },
    'imagePullSecret field must be less than 253 characters long',
  ],
  'priority beyond int32': [{ url, priority: 2 ** 31 }, 'invalid value for int32 field priority: 2147483648'],
  'lowest priority': [{ url, priority: -(2 ** 31) }],
  'plugin name too long': [
    { url, pluginName: 'p'.repeat(257) },
    'pluginName field must be less than 255 characters long',
  ],
  'nil match and port, port out of range': [
    { url, match: [null, { ports: [null, { number: 0 }, { number: 70000 }] }] },
    'spec.Match[0] is nil',
    'spec.Match[1].Ports[0] is nil',
    'spec.Match[1].Ports[1] is out of range: 0',
    'spec.Match[1].Ports[2] is out of range: 70000',
  ],
})

// TestValidateTrafficExtension.
run(EXTENSIONS, 'TrafficExtension', {
  neither: [{}, 'exactly one of wasm or lua must be set'],
  both: [{ wasm: { url }, lua: { inlineCode: 'x' } }, 'exactly one of wasm or lua must be set'],
  'valid lua': [{ lua: { inlineCode: 'function envoy_on_request(h) end' } }],
  'lua empty': [{ lua: {} }, 'lua.inlineCode cannot be empty'],
  // The schema counts characters, Istio bytes.
  'lua too large': [{ lua: { inlineCode: 'ä'.repeat(32769) } }, 'lua.inlineCode exceeds maximum size of 64KB'],
  'lua as large as may be': [{ lua: { inlineCode: 'ä'.repeat(32768) } }],
  'valid wasm': [{ wasm: { url: 'oci://ghcr.io/a/b:1', sha256: HEX } }],
  'wasm without url': [{ wasm: {} }, 'url field needs to be set'],
  'wasm bad scheme': [{ wasm: { url: 'ftp://x' } }, 'url contains unsupported scheme: ftp'],
  'wasm short sha': [{ wasm: { url, sha256: 'ab' } }, 'sha256 field must be 64 characters long'],
  'plugin name too long': [
    { wasm: { url, pluginName: 'p'.repeat(257) } },
    'pluginName field must be less than 256 characters long',
  ],
  'duplicate env': [{ wasm: { url, vmConfig: { env: [{ name: 'a' }, { name: 'a' }] } } }, 'duplicate env'],
  'selector and targetRefs': [
    { wasm: { url }, selector: { matchLabels: { a: 'b' } }, targetRefs: [{ kind: 'Service', name: 's' }] },
    'only one of targetRefs or workloadSelector can be set',
  ],
  'target without a name': [
    { wasm: { url }, targetRefs: [{ group: 'networking.istio.io', kind: 'ServiceEntry' }] },
    'targetRef name must be set',
  ],
  'port out of range': [
    { wasm: { url }, match: [{ ports: [{ number: 65536 }] }] },
    'spec.Match[0].Ports[0] is out of range: 65536',
  ],
})

describe('warnings', () => {
  const table: [string, unknown, RegExp | undefined][] = [
    ['nothing to say', { url: 'oci://a/b:1' }, undefined],
    ['selector without labels', { url, selector: {} }, /^workload selector specified without labels$/],
    [
      'checksum is not the digest',
      { url: `oci://a/b@sha256:${HEX}`, sha256: 'b'.repeat(64) },
      /^spec\.sha256: it is not the digest/,
    ],
    ['checksum is the digest', { url: `oci://a/b@sha256:${HEX}`, sha256: HEX }, undefined],
    ['no tag', { url: 'oci://a/b' }, /^spec\.url: without a tag/],
    ['no tag, no scheme, a port', { url: '127.0.0.1:5000/b' }, /^spec\.url: without a tag/],
    ['no tag but a checksum', { url: 'oci://a/b', sha256: HEX }, undefined],
    ['a secret for http', { url, imagePullSecret: 's' }, /^spec\.imagePullSecret: .*http:\/\//],
    ['always, by digest', { url: `oci://a/b@sha256:${HEX}`, imagePullPolicy: 'Always' }, /^spec\.imagePullPolicy/],
    ['a reserved variable', { url, vmConfig: { env: [{ name: 'ISTIO_META_X' }] } }, /^spec\.vmConfig\.env\[0\]\.name/],
    ['AUTHN of a network filter', { url, type: 'NETWORK', phase: 'AUTHN' }, /^spec\.phase/],
    ['a port without a scheme', { url: 'localhost:5000/b' }, /^spec\.url: .*oci:\/\/localhost:5000\/b$/],
  ]
  for (const [name, spec, expected] of table) {
    test(name, () => {
      const said = warnings(EXTENSIONS, 'WasmPlugin', spec)
      assert.equal(said.length, expected === undefined ? 0 : 1, String(said))
      if (expected !== undefined) assert.match(said[0], expected)
    })
  }

  test('of EnvoyFilter: always one', () => {
    assert.match(warnings(NETWORKING, 'EnvoyFilter', {})[0], /^EnvoyFilter exposes internal implementation details/)
  })
})

const patch = { operation: 'ADD', value: { name: 'a' } }
const inChain = (filter: object, applyTo = 'HTTP_FILTER') => ({
  configPatches: [{ applyTo, match: { listener: { filterChain: { filter } } }, patch }],
})
const HCM = 'envoy.filters.network.http_connection_manager'

// istio/pkg/config/validation/envoyfilter/envoyfilter_test.go, TestValidateEnvoyFilter.
run('networking.istio.io/v1alpha3', 'EnvoyFilter', {
  'empty filters': [{}],
  'invalid applyTo': [{ configPatches: [{}] }, 'Envoy filter: missing applyTo'],
  'nil patch': [{ configPatches: [{ applyTo: 'LISTENER' }] }, 'Envoy filter: missing patch'],
  'invalid patch operation': [
    { configPatches: [{ applyTo: 'LISTENER', patch: {} }] },
    'Envoy filter: missing patch operation',
  ],
  'nil patch value': [
    { configPatches: [{ applyTo: 'LISTENER', patch: { operation: 'ADD' } }] },
    'Envoy filter: missing patch value for non-remove operation',
  ],
  'remove needs no value': [{ configPatches: [{ applyTo: 'LISTENER', patch: { operation: 'REMOVE' } }] }],
  'match with invalid regex': [
    { configPatches: [{ applyTo: 'LISTENER', match: { proxy: { proxyVersion: '%#@~++==`24c234`' } }, patch }] },
    'Envoy filter: invalid regex for proxy version, [error parsing regexp: invalid nested repetition operator: `++`]',
  ],
  'match with valid regex': [
    { configPatches: [{ applyTo: 'LISTENER', match: { proxy: { proxyVersion: 'release-1\\.2-23434' } }, patch }] },
  ],
  'listener with invalid match': [
    { configPatches: [{ applyTo: 'LISTENER', match: { cluster: {} }, patch }] },
    'Envoy filter: applyTo for listener class objects cannot have non listener match',
  ],
  'route configuration with invalid match': [
    { configPatches: [{ applyTo: 'VIRTUAL_HOST', match: { cluster: {} }, patch }] },
    'Envoy filter: applyTo for http route class objects cannot have non route configuration match',
  ],
  'cluster with invalid match': [
    { configPatches: [{ applyTo: 'CLUSTER', match: { listener: {} }, patch }] },
    'Envoy filter: applyTo for cluster class objects cannot have non cluster match',
  ],
  'listener match with no name in filter': [inChain({}), 'Envoy filter: filter match has no name to match on'],
  'sub filter match with invalid applyTo': [
    inChain({ name: HCM, subFilter: { name: 'a' } }, 'NETWORK_FILTER'),
    'Envoy filter: subfilter match can be used with applyTo HTTP_FILTER only',
  ],
  'sub filter match with invalid filter name': [
    inChain({ name: 'random', subFilter: { name: 'a' } }),
    `Envoy filter: subfilter match requires filter match with ${HCM}`,
  ],
  'sub filter match with no sub filter name': [
    inChain({ name: HCM, subFilter: {} }),
    'Envoy filter: subfilter match has no name to match on',
  ],
  'sub filter by the old name of the manager': [
    inChain({ name: 'envoy.http_connection_manager', subFilter: { name: 'a' } }),
  ],
  'selector wildcard': [{ workloadSelector: { labels: { a: '*' } } }, 'wildcard is not supported in selector: "a=*"'],
})

const port = { number: 80, name: 'http', protocol: 'HTTP' }
const server = { hosts: ['*'], port }
const tls = (mode: string, more: object = {}) => ({
  servers: [
    { hosts: ['a.example.com'], port: { number: 443, name: 'https', protocol: 'HTTPS' }, tls: { mode, ...more } },
  ],
})

// TestValidateGateway, TestValidateServer, TestValidateServerPort, TestValidateTlsOptions.
run(NETWORKING, 'Gateway', {
  'no servers': [{}, 'gateway must have at least one server'],
  'happy, bookinfo': [{ selector: { istio: 'ingressgateway' }, servers: [server] }],
  'no hosts': [{ servers: [{ port }] }, 'server config must contain at least one host'],
  'no port': [{ servers: [{ hosts: ['*'] }] }, 'port is required'],
  'duplicate port names': [{ servers: [server, server] }, 'port names in servers must be unique: duplicate name http'],
  'invalid protocol': [
    { servers: [{ ...server, port: { ...port, protocol: 'FOO' } }] },
    'invalid protocol "FOO", supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP',
  ],
  'invalid number': [
    { servers: [{ ...server, port: { ...port, number: 70000 } }] },
    'port number 70000 must be in the range 1..65535',
  ],
  'no port name': [{ servers: [{ ...server, port: { number: 80, protocol: 'HTTP' } }] }, 'port name must be set'],
  'target port': [
    { servers: [{ ...server, port: { ...port, targetPort: 8080 } }] },
    'targetPort has no impact on Gateways',
  ],
  'short host': [{ servers: [{ ...server, hosts: ['foo'] }] }, 'short names (non FQDN) are not allowed: "foo"'],
  'hosts with a namespace': [
    { servers: [{ ...server, hosts: ['ns/*.example.com', './a.example.com', '*/b.example.com'] }] },
  ],
  'tls protocol without settings': [
    { servers: [{ ...server, port: { ...port, protocol: 'HTTPS' } }] },
    'server must have TLS settings for HTTPS/TLS protocols',
  ],
  'settings on plain http': [
    { servers: [{ ...server, tls: { mode: 'SIMPLE', credentialName: 'c' } }] },
    'server cannot have TLS settings for plain text HTTP ports',
  ],
  'redirect on plain http': [{ servers: [{ ...server, tls: { httpsRedirect: true } }] }],
  'settings on tcp': [
    { servers: [{ ...server, port: { ...port, protocol: 'TCP' }, tls: { mode: 'PASSTHROUGH' } }] },
    'server cannot have TLS settings for non HTTPS/TLS ports',
  ],
  'simple with credential name': [tls('SIMPLE', { credentialName: 'c' })],
  'simple no certificates': [
    tls('SIMPLE'),
    'SIMPLE TLS requires a server certificate',
    'SIMPLE TLS requires a private key',
  ],
  'mutual no client CA': [
    tls('MUTUAL', { serverCertificate: 'a', privateKey: 'b' }),
    'MUTUAL TLS requires a client CA bundle',
  ],
  'istio mutual with certificates': [
    tls('ISTIO_MUTUAL', { credentialName: 'c' }),
    'ISTIO_MUTUAL TLS cannot have associated credentialName',
  ],
  'unix socket': [{ servers: [{ hosts: ['*'], bind: 'unix:///var/run/a', port: { name: 'http', protocol: 'HTTP' } }] }],
  'bind is no address': [{ servers: [{ ...server, bind: 'here' }] }, 'here is not a valid IP'],
})
run(NETWORKING, 'Gateway', { 'name with a dot': [{ servers: [server] }, 'invalid gateway name: "a.b"'] }, 'a.b')

const route = [{ destination: { host: 'foo.baz' } }]

// TestValidateVirtualService, TestValidateHTTPRoute.
run(NETWORKING, 'VirtualService', {
  simple: [{ hosts: ['foo.bar'], http: [{ route }] }],
  'duplicate hosts': [
    { hosts: ['foo.bar', 'foo.bar'], http: [{ route }] },
    'duplicate hosts in virtual service: foo.bar',
  ],
  'no tcp,http,tls': [{ hosts: ['foo.bar'] }, 'http, tcp or tls must be provided in virtual service'],
  'bad host': [{ hosts: ['foo.ba!r'], http: [{ route }] }, 'domain name "foo.ba!r" invalid (label "ba!r" invalid)'],
  'wildcard for mesh gateway': [
    { hosts: ['*'], http: [{ route }] },
    'wildcard host * is not allowed for virtual services bound to the mesh gateway',
  ],
  'wildcard for a gateway': [{ hosts: ['*'], gateways: ['g'], http: [{ route }] }],
  'delegate with gateways': [
    { gateways: ['g'], http: [{ route }] },
    'delegate virtual service must have no gateways specified',
  ],
  'no destination': [{ hosts: ['a.b'], http: [{}] }, 'HTTP route or redirect is required'],
  'direct response': [{ hosts: ['a.b'], http: [{ directResponse: { status: 503 } }] }],
  'redirect and route': [
    { hosts: ['a.b'], http: [{ redirect: { uri: '/' }, route, fault: {}, rewrite: { uri: '/' } }] },
    'HTTP route cannot contain both route and redirect',
    'HTTP route cannot contain both fault and redirect',
    'HTTP route rule cannot contain both rewrite and redirect',
  ],
  'no weight at all': [{ hosts: ['a.b'], http: [{ route: [...route, ...route] }] }, 'total destination weight = 0'],
  'weight below zero': [
    {
      hosts: ['a.b'],
      http: [
        {
          route: [
            { ...route[0], weight: -1 },
            { ...route[0], weight: 2 },
          ],
        },
      ],
    },
    'weight -1 < 0',
  ],
  'destination *': [
    { hosts: ['a.b'], http: [{ route: [{ destination: { host: '*' } }] }] },
    'invalid destination host *',
  ],
  'bad regular expression': [
    { hosts: ['a.b'], http: [{ match: [{ headers: { a: { regex: '(' } } }], route }] },
    '"(" is not a valid regular expression: error parsing regexp: missing closing ): `(`',
  ],
  'empty rewrite': [{ hosts: ['a.b'], http: [{ rewrite: {}, route }] }, 'rewrite must specify URI, authority, or both'],
  'root with a route': [
    { hosts: ['a.b'], http: [{ name: 'r', delegate: { name: 'd' }, route }] },
    'root HTTP route r must not specify route',
  ],
})

test('other kinds, and kinds of the same name in other groups, have no rules here', () => {
  for (const [apiVersion, kind] of [
    ['gateway.networking.k8s.io/v1', 'Gateway'],
    ['v1', 'ConfigMap'],
    ['extensions.istio.io/v1alpha1', 'constructor'],
  ]) {
    assert.deepEqual(admit({ apiVersion, kind, metadata: {} }), { errors: [], warnings: [] })
  }
})
