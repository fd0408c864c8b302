import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ExtensionConfigSourceSchema } from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import {
  SdsSecretConfigSchema,
  SecretSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { checkNested } from './nested.ts'

const CASES: readonly (readonly [DescMessage, string, string])[] = [
  [
    ListenerSchema,
    'address: { socket_address: { address: a, named_port: http } }',
    'x.address.socket_address.named_port',
  ],
  [
    ListenerSchema,
    'additional_addresses: [{ address: { pipe: { path: p } } }, { address: { pipe: { path: p, mode: 7 } } }]',
    'x.additional_addresses[1].address.pipe.mode',
  ],
  [ListenerSchema, 'listener_filters: [{ name: a, config_discovery: {} }]', 'x.listener_filters[0].config_discovery'],
  [
    RouteConfigurationSchema,
    'virtual_hosts: [{ routes: [{ route: { request_mirror_policies: [{ cluster_header: h }] } }] }]',
    'x.virtual_hosts[0].routes[0].route.request_mirror_policies[0].cluster_header',
  ],
  [
    RouteConfigurationSchema,
    'request_headers_to_add: [{ header: { key: a, raw_value: YQ== } }]',
    'x.request_headers_to_add[0].header.raw_value',
  ],
  [
    ClusterSchema,
    'eds_cluster_config: { eds_config: { path_config_source: { path: a } } }',
    'x.eds_cluster_config.eds_config.path_config_source',
  ],
  [ExtensionConfigSourceSchema, 'config_source: { path: a }', 'x.config_source.path'],
  [SdsSecretConfigSchema, 'sds_config: { self: {} }', 'x.sds_config.self'],
  [SecretSchema, 'generic_secret: { secret: { inline_string: k } }', 'x.generic_secret'],
]

for (const [schema, yaml, path] of CASES) {
  test(`refused with its path: ${path}`, () => {
    const message = fromJson(schema, parse(yaml) as JsonValue) as MessageShape<DescMessage>
    assert.throws(() => checkNested(schema, message, 'x'), new RegExp(`${path.replace(/[[\].]/g, '\\$&')}: `))
  })
}

test('what is supported passes, in oneofs, lists and maps', () => {
  const yaml = 'address: { socket_address: { address: a, port_value: 1, ipv4_compat: true } }'
  checkNested(ListenerSchema, fromJson(ListenerSchema, parse(yaml) as JsonValue), 'x')
})

test('files are taken as the source of secrets alone', () => {
  const yaml = 'sds_config: { path_config_source: { path: a, watched_directory: { path: b } } }'
  checkNested(SdsSecretConfigSchema, fromJson(SdsSecretConfigSchema, parse(yaml) as JsonValue), 'x')
})
