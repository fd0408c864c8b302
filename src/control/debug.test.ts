import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../kube/index.ts'
import { ConnectedProxy } from './connected-proxy.ts'
import { debugPage } from './debug.ts'
import { Packer } from './envoy/config.ts'
import { generate } from './generate.ts'
import { meshOf } from './model/mesh.ts'
import { workload } from './testing.ts'

const TICKET_KEY = 'k'.repeat(80)

test('a config dump shows the extension and neither its pull secret nor a key', () => {
  const labels = { istio: 'ingressgateway' }
  const hidden = 'se"cret\\of the registry'
  const content = JSON.stringify({ auths: { 'r.test': { username: 'ann', password: hidden } } })
  const pem = (kind: string) => `-----BEGIN ${kind}-----\nhidden{}"\n-----END ${kind}-----`
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const objects: KubeObject[] = [
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'gw', namespace: 'default' },
      spec: {
        selector: labels,
        servers: [
          {
            port: { number: 443, name: 'https', protocol: 'HTTPS' },
            hosts: ['*'],
            tls: { mode: 'SIMPLE', credentialName: 'tls' },
          },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tls', namespace: 'default' },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': base64(pem('CERTIFICATE')), 'tls.key': base64(pem('PRIVATE KEY')) },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pull', namespace: 'default' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64(content) },
    },
    {
      apiVersion: 'extensions.istio.io/v1alpha1',
      kind: 'TrafficExtension',
      metadata: { name: 'e', namespace: 'default' },
      spec: { selector: { matchLabels: labels }, wasm: { url: 'oci://r.test/x', imagePullSecret: 'pull' } },
    },
  ]
  objects.push(patchedListener(pem('PRIVATE KEY'), TICKET_KEY))
  const mesh = meshOf(objects)
  const proxy = new ConnectedProxy('node')
  proxy.generated = generate(mesh, workload({ namespace: 'default', labels }), new Packer())
  const sent = Object.values(proxy.generated.resources)
    .flatMap((named) => [...named.values()])
    .map(({ value }) => Buffer.from(value).toString())
    .join('')
  const inside = JSON.stringify(hidden).slice(1, -1)
  assert.ok(sent.includes(inside), 'the agent gets it')
  const dump = JSON.stringify(debugPage('/debug/config_dump/node', mesh, [proxy], undefined as never))
  assert.match(dump, /"name":"patched"/)
  assert.match(dump, /"session_ticket_keys":\{"keys":\[\{"inline_string":"\[redacted\]"\}\]\}/)
  assert.match(dump, /oci:\/\/r\.test\/x/)
  assert.match(dump, /"ISTIO_META_WASM_IMAGE_PULL_SECRET":"\[redacted\]"/)
  for (const text of ['of the registry', 'PRIVATE KEY', TICKET_KEY, base64(content), base64(pem('PRIVATE KEY'))]) {
    assert.ok(!dump.includes(text), `${text} is shown`)
  }
})

/** An EnvoyFilter with a listener of its own, whose keys stand inline. */
function patchedListener(key: string, ticketKey: string): KubeObject {
  const typed_config = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: { tls_certificates: [{ private_key: { inline_string: key } }] },
    session_ticket_keys: { keys: [{ inline_string: ticketKey }] },
  }
  const address = { socket_address: { address: '127.0.0.1', port_value: 1 } }
  const value = { name: 'patched', address, filter_chains: [{ transport_socket: { name: 'tls', typed_config } }] }
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'listener', namespace: 'default' },
    spec: { configPatches: [{ applyTo: 'LISTENER', patch: { operation: 'ADD', value } }] },
  }
}
