import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf'
import type { HeaderValueOption } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import type { GrpcService } from '../../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import type { ExtAuthz } from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import { AttributeContextSchema } from '../../../../gen/envoy/service/auth/v3/attribute_context_pb.ts'
import { CheckRequestSchema, CheckResponseSchema } from '../../../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { byteString, textOf } from '../../../base/byte-string.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { valueAt } from '../../../base/value-at.ts'
import { durationMs } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import { GrpcMethod } from '../grpc-method.ts'
import { type HeadersToSend, PARTIAL_BODY } from './headers.ts'
import { type Check, type CheckInput, ERROR, NONE, tagStatus, type Verdict } from './verdict.ts'

const METHOD = 'envoy.service.auth.v3.Authorization.Check'
const DEFAULT_TIMEOUT_MS = 200

/** A server that speaks `envoy.service.auth.v3.Authorization`. */
export function grpcCheck(service: GrpcService, config: ExtAuthz, sent: HeadersToSend, context: FactoryContext): Check {
  const timeoutMs = durationMs(service.timeout, DEFAULT_TIMEOUT_MS)
  const method = new GrpcMethod(service, METHOD, timeoutMs, context.clusters, 'ext_authz.grpc_service')
  return (input, done) => {
    const message = toBinary(
      CheckRequestSchema,
      create(CheckRequestSchema, { attributes: attributes(input, config, sent) }),
    )
    const stream = method.call(message, input.info, input.callbacks, (answer, span) => {
      const said = answer === undefined ? ERROR : verdict(answer)
      if (said.kind !== 'error') tagStatus(span, said.kind === 'allowed')
      done(said)
    })
    return () => stream?.reset()
  }
}

function attributes(input: CheckInput, config: ExtAuthz, sent: HeadersToSend) {
  const { info, headers, body, bodyIsWhole, packAsBytes, contextExtensions } = input
  const { connection } = info
  const peer = (address: string, port: number) =>
    ({
      address: {
        address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
      },
    }) as const
  const map = headerMap(headers, sent)
  if (body !== undefined) map[PARTIAL_BODY] = String(!bodyIsWhole)
  const header = (name: string) => textOf(headers.get(name) ?? '')
  return create(AttributeContextSchema, {
    source: {
      ...peer(info.remoteAddress, info.remotePort),
      principal: connection.tls?.peer?.uriSans[0] ?? connection.tls?.peer?.subject ?? '',
      certificate: config.includePeerCertificate ? encodeURIComponent(connection.tls?.peer?.pem ?? '') : '',
    },
    destination: {
      ...peer(connection.localAddress, connection.localPort),
      principal: connection.tls?.local?.uriSans[0] ?? '',
    },
    request: {
      time: { seconds: BigInt(Math.floor(info.startTime / 1000)), nanos: Math.floor((info.startTime % 1000) * 1e6) },
      http: {
        id: textOf(info.requestId),
        method: header(':method'),
        ...(config.encodeRawHeaders ? { headerMap: { headers: rawHeaders(map) } } : { headers: texts(map) }),
        path: header(':path'),
        host: header(':authority'),
        scheme: header(':scheme'),
        protocol: info.protocol,
        // What has come of the body.
        size: BigInt(info.bytesReceived),
        ...(body === undefined ? {} : packAsBytes ? { rawBody: body } : { body: body.toString('utf8') }),
      },
    },
    contextExtensions: { ...contextExtensions },
    ...(config.includeTlsSession ? { tlsSession: { sni: connection.requestedServerName } } : {}),
    metadataContext: {
      filterMetadata: of(config.metadataContextNamespaces, (name) => info.dynamicMetadata?.get(name)),
    },
    routeMetadataContext: {
      filterMetadata: of(config.routeMetadataContextNamespaces, (name) => valueAt(info.route?.metadata, [name])),
    },
  })
}

/** Names come from the client: `constructor` and `__proto__` are names like others. */
function headerMap(headers: HeaderMap, { allowed, disallowed }: HeadersToSend): Record<string, string> {
  const map: Record<string, string> = Object.create(null)
  for (const [name, value] of headers) {
    if (name === PARTIAL_BODY || allowed?.(name) === false || disallowed?.(name) === true) continue
    map[name] = map[name] === undefined ? value : `${map[name]},${value}`
  }
  return map
}

function texts(map: Record<string, string>): Record<string, string> {
  for (const name of Object.keys(map)) map[name] = textOf(map[name])
  return map
}

function rawHeaders(map: Record<string, string>) {
  return Object.entries(map).map(([key, value]) => ({ key, rawValue: Buffer.from(value, 'latin1') }))
}

/** The metadata that is there of those namespaces. */
function of(namespaces: readonly string[], find: (name: string) => unknown): Record<string, JsonObject> {
  const found = namespaces.map((name) => [name, find(name)] as const).filter(([, value]) => value !== undefined)
  return Object.fromEntries(found) as Record<string, JsonObject>
}

function verdict(bytes: Buffer): Verdict {
  let response: ReturnType<typeof decode>
  try {
    response = decode(bytes)
  } catch {
    return ERROR
  }
  const { status, httpResponse, dynamicMetadata } = response
  const denied = httpResponse.case === 'deniedResponse' ? httpResponse.value : undefined
  if ((status?.code ?? 0) !== 0) {
    return {
      ...NONE,
      kind: 'denied',
      status: denied?.status?.code || 403,
      body: byteString(denied?.body ?? ''),
      set: pairs(denied?.headers ?? []),
    }
  }
  const ok = httpResponse.case === 'okResponse' ? httpResponse.value : undefined
  const appends = (option: HeaderValueOption) => option.append === true
  return {
    ...NONE,
    set: pairs((ok?.headers ?? []).filter((option) => !appends(option))),
    append: pairs((ok?.headers ?? []).filter(appends)),
    remove: (ok?.headersToRemove ?? []).map((name) => name.toLowerCase()),
    response: pairs(ok?.responseHeadersToAdd ?? []),
    metadata: dynamicMetadata ?? ok?.dynamicMetadata,
  }
}

function decode(bytes: Buffer) {
  return fromBinary(CheckResponseSchema, bytes)
}

function pairs(options: readonly HeaderValueOption[]): [string, string][] {
  return options.map(({ header }) => [header?.key.toLowerCase() ?? '', byteString(header?.value ?? '')])
}
