/** Messages that stand inside of others, in many places: what is supported of them, checked for all places at once. */
import { type DescField, type DescMessage, isFieldSet, type Message, type MessageShape } from '@bufbuild/protobuf'
import { AdminSchema, ClusterManagerSchema } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { AddressSchema, PipeSchema, SocketAddressSchema } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import { HeaderValueSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { ApiConfigSourceSchema, ConfigSourceSchema } from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import {
  GrpcService_EnvoyGrpcSchema,
  GrpcService_GoogleGrpcSchema,
} from '../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import { SocketOptionSchema } from '../../../gen/envoy/config/core/v3/socket_option_pb.ts'
import { EndpointSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import { ListenerFilterSchema } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { AdditionalAddressSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteAction_RequestMirrorPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { RemoteJwksSchema } from '../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import {
  HttpConnectionManager_InternalAddressConfigSchema,
  HttpConnectionManager_SetCurrentClientCertDetailsSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { SubjectAltNameMatcherSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import {
  SdsSecretConfigSchema,
  SecretSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { CommonTlsContext_CombinedCertificateValidationContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { HashPolicySchema } from '../../../gen/envoy/type/v3/hash_policy_pb.ts'
import { onlyFields } from './fields.ts'

type Supported = readonly [DescMessage, ...(readonly string[])]

const CONFIG_SOURCE = ['ads', 'api_config_source', 'initial_fetch_timeout', 'resource_api_version']

/** A message with the names of its supported fields; what is not in this table has a list where it is read, or is all read. */
export const NESTED: readonly Supported[] = [
  [AdminSchema, 'address', 'access_log', 'access_log_path', 'profile_path', 'ignore_global_conn_limit'],
  [ClusterManagerSchema, 'enable_deferred_cluster_creation', 'local_cluster_name'],
  [EndpointSchema, 'address', 'health_check_config', 'hostname'],
  [AddressSchema, 'socket_address', 'pipe', 'envoy_internal_address'],
  [SocketAddressSchema, 'protocol', 'address', 'port_value', 'ipv4_compat'],
  [PipeSchema, 'path'],
  [HeaderValueSchema, 'key', 'value'],
  [ConfigSourceSchema, ...CONFIG_SOURCE],
  [ApiConfigSourceSchema, 'api_type', 'transport_api_version', 'grpc_services', 'set_node_on_first_message_only'],
  [GrpcService_EnvoyGrpcSchema, 'cluster_name', 'authority'],
  [GrpcService_GoogleGrpcSchema, 'target_uri', 'stat_prefix'],
  [AdditionalAddressSchema, 'address'],
  [SocketOptionSchema, 'description', 'level', 'name', 'int_value', 'state'],
  [ListenerFilterSchema, 'name', 'typed_config', 'filter_disabled'],
  [
    RouteAction_RequestMirrorPolicySchema,
    'cluster',
    'runtime_fraction',
    'trace_sampled',
    'disable_shadow_host_suffix_append',
  ],
  [HttpConnectionManager_InternalAddressConfigSchema, 'cidr_ranges'],
  [HttpConnectionManager_SetCurrentClientCertDetailsSchema, 'subject', 'cert', 'chain', 'dns', 'uri'],
  [HashPolicySchema, 'source_ip'],
  [RemoteJwksSchema, 'http_uri', 'cache_duration', 'async_fetch', 'retry_policy'],
  [SecretSchema, 'name', 'tls_certificate', 'validation_context', 'session_ticket_keys'],
  [SubjectAltNameMatcherSchema, 'san_type', 'matcher'],
  [
    CommonTlsContext_CombinedCertificateValidationContextSchema,
    'default_validation_context',
    'validation_context_sds_secret_config',
  ],
]

interface Rules {
  readonly names: readonly string[]
  readonly foreign: readonly DescField[]
}

function rules([{ fields }, ...names]: Supported): Rules {
  return { names, foreign: fields.filter(({ name }) => !names.includes(name)) }
}

const SUPPORTED = new Map(NESTED.map((one) => [one[0].typeName, rules(one)]))

/** Fields whose message may hold more than elsewhere. */
const IN_FIELD = new Map<DescField, Rules>([
  [SdsSecretConfigSchema.field.sdsConfig, rules([ConfigSourceSchema, ...CONFIG_SOURCE, 'path', 'path_config_source'])],
])

function rulesOf({ typeName }: DescMessage, field: DescField | undefined): Rules | undefined {
  return (field && IN_FIELD.get(field)) ?? SUPPORTED.get(typeName)
}

/** Refuses what a message and those inside of it hold against the table; what lies packed in an `Any` is for who unpacks it. */
export function checkNested<D extends DescMessage>(desc: D, message: MessageShape<D>, path: string): void {
  // Paths cost more than looking, and are only for the one that is refused.
  if (!conforms(desc, message)) refuse(desc, message, path)
}

function conforms(desc: DescMessage, message: Message, place?: DescField): boolean {
  const supported = rulesOf(desc, place)
  if (supported?.foreign.some((field) => isFieldSet(message, field)) === true) return false
  return innerFields(desc).every((field) => {
    const value = content(message, field)
    const inner = field.message as DescMessage
    if (value === undefined) return true
    if (field.fieldKind === 'message') return conforms(inner, value as Message, field)
    return Object.values(value).every((one) => conforms(inner, one as Message))
  })
}

function refuse(desc: DescMessage, message: Message, path: string, place?: DescField): void {
  const supported = rulesOf(desc, place)
  if (supported !== undefined) onlyFields(desc, message as MessageShape<DescMessage>, supported.names, path)
  for (const field of innerFields(desc)) {
    const value = content(message, field)
    if (value === undefined) continue
    const where = `${path}.${field.name}`
    const inner = field.message as DescMessage
    if (field.fieldKind === 'message') refuse(inner, value as Message, where, field)
    else for (const [key, one] of Object.entries(value)) refuse(inner, one as Message, `${where}[${key}]`)
  }
}

function content(message: Message, field: DescField): object | undefined {
  const values = message as unknown as Readonly<Record<string, object | undefined>>
  if (field.oneof === undefined) return values[field.localName]
  const chosen = values[field.oneof.localName] as { case?: string; value?: object } | undefined
  return chosen?.case === field.localName ? chosen.value : undefined
}

const INNER = new Map<DescMessage, readonly DescField[]>()

/** The fields that hold messages of the table, or such as hold them. */
function innerFields(desc: DescMessage): readonly DescField[] {
  let fields = INNER.get(desc)
  if (fields === undefined) {
    fields = desc.fields.filter(({ message }) => message !== undefined && reaches(message, new Set()))
    INNER.set(desc, fields)
  }
  return fields
}

function reaches(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (SUPPORTED.has(desc.typeName)) return true
  if (seen.has(desc)) return false
  seen.add(desc)
  return desc.fields.some(({ message }) => message !== undefined && reaches(message, seen))
}
