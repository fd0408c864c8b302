import { casesOf, SKIPPED } from './cases.ts'

const HEX = '1ef0c9a92b0420cf25f7fe5d481b231464bc88f486ca3b9c83ed5cc21d2f6210'
const BAD_URL = 'url must have schema one of [http, https, file, oci]'
const url = 'http://test'
const long = (length: number) => 'x'.repeat(length)

/** Istio's lists for the CRD (pkg/config/validation/testdata/crds/wasm-{valid,invalid}.yaml), by their names, and one for each limit. */
export const WASM_PLUGIN_CASES = casesOf('extensions.istio.io/v1alpha1', 'WasmPlugin', {
  full: [
    {
      selector: { matchLabels: { istio: 'ingressgateway' } },
      url: 'file:///opt/filters/openid.wasm',
      sha256: HEX,
      phase: 'AUTHN',
      pluginConfig: { openid_server: 'authn', openid_realm: 'ingress' },
    },
  ],
  'sha256-empty': [{ url }],
  'url-without-schema': [{ url: 'test' }],
  env: [
    {
      url,
      vmConfig: {
        env: [
          { name: 'test', valueFrom: 'HOST' },
          { name: 'test2', valueFrom: 'INLINE', value: 'test' },
          { name: 'test3', value: 'test' },
        ],
      },
    },
  ],
  'every field at once': [
    {
      url: 'oci://ghcr.io/a/b:1',
      sha256: '',
      imagePullPolicy: 'Always',
      imagePullSecret: long(253),
      pluginConfig: {},
      pluginName: long(256),
      phase: 'STATS',
      priority: -1,
      failStrategy: 'FAIL_RELOAD',
      match: [{ mode: 'SERVER', ports: [{ number: 1 }, { number: 65535 }] }],
      type: 'NETWORK',
      targetRefs: [{ group: '', kind: 'Service', name: 'reviews', namespace: '' }],
    },
  ],
  'priority null': [{ url, priority: null }],
  'targetRef alone': [
    { url, targetRef: { kind: 'Gateway', name: 'g', group: 'gateway.networking.k8s.io', namespace: '' } },
  ],
  'a host with a port and no scheme': [{ url: '127.0.0.1:5000/x' }],
  'unset-port': [{ match: [{ ports: [{}] }], url }, 'spec.match[0].ports[0].number: Required value', SKIPPED],
  'unset-url': [{ url: '' }, 'spec.url: Invalid value: "": spec.url in body should be at least 1 chars long'],
  'nested-nil': [{ url: null }, 'spec.url: Required value', SKIPPED],
  'no-url': [{}, 'spec.url: Required value', SKIPPED],
  'invalid-url': [{ url: '#%blah$#@' }, `spec.url: Invalid value: "string": ${BAD_URL}`],
  'invalid-url-schema': [{ url: 'fake://example.com' }, `spec.url: Invalid value: "string": ${BAD_URL}`],
  'host taken for a scheme': [{ url: 'localhost:5000/x' }, `spec.url: Invalid value: "string": ${BAD_URL}`],
  'invalid-sha256': [
    { url, sha256: 'foo' },
    `spec.sha256: Invalid value: "foo": spec.sha256 in body should match '(^$|^[a-f0-9]{64}$)'`,
  ],
  'invalid-imagePullSecret': [
    { url, imagePullSecret: '' },
    'spec.imagePullSecret: Invalid value: "": spec.imagePullSecret in body should be at least 1 chars long',
  ],
  'imagePullSecret too long': [
    { url, imagePullSecret: long(254) },
    'spec.imagePullSecret: Too long: may not be more than 253 bytes',
    SKIPPED,
  ],
  'invalid-pluginName': [
    { url, pluginName: '' },
    'spec.pluginName: Invalid value: "": spec.pluginName in body should be at least 1 chars long',
  ],
  'pluginName too long': [
    { url, pluginName: long(257) },
    'spec.pluginName: Too long: may not be more than 256 bytes',
    SKIPPED,
  ],
  'duplicate-env': [
    { url, vmConfig: { env: [{ name: 'a' }, { name: 'a' }] } },
    'spec.vmConfig.env[1]: Duplicate value: {"name":"a"}',
  ],
  'invalid-env-name': [
    { url, vmConfig: { env: [{ name: '' }] } },
    'spec.vmConfig.env[0].name: Invalid value: "": spec.vmConfig.env[0].name in body should be at least 1 chars long',
  ],
  'invalid-env-value': [
    { url, vmConfig: { env: [{ name: 'test', valueFrom: 'HOST', value: 'value' }] } },
    'spec.vmConfig.env[0]: Invalid value: "object": value may only be set when valueFrom is INLINE',
  ],
  'too many env': [
    { url, vmConfig: { env: Array.from({ length: 257 }, (_, i) => ({ name: `n${i}` })) } },
    'spec.vmConfig.env: Too many: 257: must have at most 256 items',
    SKIPPED,
  ],
  'invalid-selector value': [
    { url, selector: { matchLabels: { istio: 'bar*' } } },
    'spec.selector.matchLabels[istio]: Invalid value: "string": wildcard not allowed in label value match',
  ],
  'invalid-selector key': [
    { url, selector: { matchLabels: { 'istio*': 'bar' } } },
    'spec.selector.matchLabels: Invalid value: "object": wildcard not allowed in label key match',
  ],
  'empty label key': [
    { url, selector: { matchLabels: { '': 'bar' } } },
    'spec.selector.matchLabels: Invalid value: "object": key must not be empty',
  ],
  'label value too long': [
    { url, selector: { matchLabels: { a: long(64) } } },
    'spec.selector.matchLabels.a: Too long: may not be more than 63 bytes',
    SKIPPED,
  ],
  'selector and targetRefs': [
    { url, selector: {}, targetRefs: [{ kind: 'Gateway', name: 'g', group: 'gateway.networking.k8s.io' }] },
    'spec: Invalid value: "object": only one of targetRefs or selector can be set',
  ],
  'cross namespace targetRef': [
    { url, targetRef: { kind: 'Gateway', name: 'g', namespace: 'other' } },
    'spec.targetRef.namespace: Invalid value: "string": cross namespace referencing is not currently supported',
  ],
  'cross namespace targetRefs': [
    { url, targetRefs: [{ kind: 'Gateway', name: 'g', namespace: 'other' }] },
    'spec.targetRefs[0].namespace: Invalid value: "string": cross namespace referencing is not currently supported',
  ],
  'target group': [
    { url, targetRefs: [{ kind: 'Gateway', name: 'g', group: 'Not A Group' }] },
    `spec.targetRefs[0].group: Invalid value: "Not A Group": spec.targetRefs[0].group in body should match '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'`,
  ],
  'phase unknown': [
    { url, phase: 'LATER' },
    'spec.phase: Unsupported value: "LATER": supported values: "UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"',
    SKIPPED,
  ],
  'priority as text': [
    { url, priority: '1' },
    'spec.priority: Invalid value: "string": spec.priority in body must be of type integer: "string"',
    SKIPPED,
  ],
  'priority beyond int32': [{ url, priority: 2 ** 31 }],
  'port beyond 65535': [
    { url, match: [{ ports: [{ number: 65536 }] }] },
    'spec.match[0].ports[0].number: Invalid value: 65536: spec.match[0].ports[0].number in body should be less than or equal to 65535',
    'spec.match[0].ports[0].number: Invalid value: "integer": port must be between 1-65535',
  ],
  'port twice': [
    { url, match: [{ ports: [{ number: 80 }, { number: 80 }] }] },
    'spec.match[0].ports[1]: Duplicate value: {"number":80}',
  ],
  'url as a list': [
    { url: ['a'] },
    'spec.url: Invalid value: "array": spec.url in body must be of type string: "array"',
    SKIPPED,
  ],
})

const wasm = { url }

export const TRAFFIC_EXTENSION_CASES = casesOf('extensions.istio.io/v1alpha1', 'TrafficExtension', {
  'valid wasm': [
    { wasm: { ...wasm, sha256: HEX, pluginConfig: { a: [1, { b: null }] } }, phase: 'AUTHZ', priority: 10 },
  ],
  'valid lua': [{ lua: { inlineCode: 'function envoy_on_request(h) end' } }],
  'valid selector and env': [
    { selector: { matchLabels: { app: 'a' } }, wasm: { url, vmConfig: { env: [{ name: 'a', value: 'b' }] } } },
  ],
  'valid targetRefs and match': [
    { targetRefs: [{ kind: 'Service', name: 's', namespace: '' }], match: [{ ports: [{ number: 80 }] }], wasm },
  ],
  'neither wasm nor lua': [{ phase: 'AUTHN' }, 'spec: Invalid value: "object": exactly one of wasm or lua must be set'],
  'both wasm and lua': [
    { wasm, lua: { inlineCode: 'x' } },
    '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    'spec: Invalid value: "object": exactly one of wasm or lua must be set',
  ],
  'selector and targetRefs': [
    { wasm, selector: {}, targetRefs: [] },
    'spec: Invalid value: "object": only one of targetRefs or selector can be set',
  ],
  'wasm without url': [{ wasm: {} }, 'spec.wasm.url: Required value', SKIPPED],
  'wasm bad url': [{ wasm: { url: 'ftp://x' } }, `spec.wasm.url: Invalid value: "string": ${BAD_URL}`],
  'lua empty': [
    { lua: { inlineCode: '' } },
    'spec.lua.inlineCode: Invalid value: "": spec.lua.inlineCode in body should be at least 1 chars long',
  ],
  'lua too long': [
    { lua: { inlineCode: long(65537) } },
    'spec.lua.inlineCode: Too long: may not be more than 65536 bytes',
    SKIPPED,
  ],
  'lua code missing': [{ lua: {} }, 'spec.lua.inlineCode: Required value', SKIPPED],
  'env value with HOST': [
    { wasm: { url, vmConfig: { env: [{ name: 'a', valueFrom: 'HOST', value: 'b' }] } } },
    'spec.wasm.vmConfig.env[0]: Invalid value: "object": value may only be set when valueFrom is INLINE',
  ],
  'label wildcards and empty key': [
    { wasm, selector: { matchLabels: { 'a*': 'b*', '': '' } } },
    'spec.selector.matchLabels: Invalid value: "object": wildcard not allowed in label key match',
    'spec.selector.matchLabels: Invalid value: "object": key must not be empty',
    'spec.selector.matchLabels[a*]: Invalid value: "string": wildcard not allowed in label value match',
  ],
  'cross namespace': [
    { wasm, targetRefs: [{ kind: 'Gateway', name: 'g', namespace: 'n' }] },
    'spec.targetRefs[0].namespace: Invalid value: "string": cross namespace referencing is not currently supported',
  ],
  'port zero': [
    { wasm, match: [{ ports: [{ number: 0 }] }] },
    'spec.match[0].ports[0].number: Invalid value: 0: spec.match[0].ports[0].number in body should be greater than or equal to 1',
    'spec.match[0].ports[0].number: Invalid value: "integer": port must be between 1-65535',
  ],
  'phase unknown': [
    { wasm, phase: 'UNSPECIFIED_PHASE' },
    'spec.phase: Unsupported value: "UNSPECIFIED_PHASE": supported values: "UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"',
    SKIPPED,
  ],
})
