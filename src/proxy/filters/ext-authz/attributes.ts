import { create, type JsonObject } from '@bufbuild/protobuf'
import type { ExtAuthz } from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import { AttributeContextSchema } from '../../../../gen/envoy/service/auth/v3/attribute_context_pb.ts'
import { textOf } from '../../../base/byte-string.ts'
import { valueAt } from '../../../base/value-at.ts'
import type { CertificateInfo } from '../../network/connection-info.ts'
import { type HeadersToSend, PARTIAL_BODY } from './headers.ts'
import type { CheckInput } from './verdict.ts'

/** What the server is told of a request. */
export function attributesOf(input: CheckInput, config: ExtAuthz, sent: HeadersToSend) {
  const { info, headers, body, packAsBytes, contextExtensions } = input
  const { connection } = info
  const peer = (address: string, port: number) =>
    ({
      address: {
        address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
      },
    }) as const
  const list = told(input, sent)
  const header = (name: string) => textOf(headers.get(name) ?? '')
  return create(AttributeContextSchema, {
    source: {
      ...peer(info.remoteAddress, info.remotePort),
      principal: principalOf(connection.tls?.peer),
      service: header('x-envoy-downstream-service-cluster'),
      certificate: config.includePeerCertificate ? encodeURIComponent(connection.tls?.peer?.pem ?? '') : '',
    },
    destination: {
      ...peer(connection.localAddress, connection.localPort),
      principal: principalOf(connection.tls?.local),
    },
    request: {
      time: { seconds: BigInt(Math.floor(info.startTime / 1000)), nanos: Math.floor((info.startTime % 1000) * 1e6) },
      http: {
        id: textOf(info.requestId),
        method: header(':method'),
        ...(config.encodeRawHeaders
          ? { headerMap: { headers: list.map(([key, value]) => ({ key, rawValue: Buffer.from(value, 'latin1') })) } }
          : { headers: texts(list) }),
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
    ...(config.includeTlsSession
      ? { tlsSession: { sni: connection.tls?.serverName || connection.requestedServerName } }
      : {}),
    metadataContext: {
      filterMetadata: of(config.metadataContextNamespaces, (name) => info.dynamicMetadata?.get(name)),
    },
    routeMetadataContext: {
      filterMetadata: of(config.routeMetadataContextNamespaces, (name) => valueAt(info.route?.metadata, [name])),
    },
  })
}

/** The first of Envoy's names that a certificate has. */
function principalOf(certificate: CertificateInfo | undefined): string {
  if (certificate === undefined) return ''
  return certificate.uriSans[0] ?? certificate.dnsSans[0] ?? certificate.subject
}

/** Those that may be told, with what the filter itself says of the body. */
function told({ headers, body, bodyIsWhole }: CheckInput, { allowed, disallowed }: HeadersToSend): [string, string][] {
  const list = [...headers].filter(
    ([name]) => name !== PARTIAL_BODY && allowed?.(name) !== false && disallowed?.(name) !== true,
  )
  if (body !== undefined) list.push([PARTIAL_BODY, String(!bodyIsWhole)])
  return list
}

/** Names come from the client: `constructor` and `__proto__` are names like others. */
function texts(list: readonly [string, string][]): Record<string, string> {
  const map: Record<string, string> = Object.create(null)
  for (const [name, value] of list) {
    const text = textOf(value)
    map[name] = map[name] === undefined ? text : `${map[name]},${text}`
  }
  return map
}

/** The metadata that is there of those namespaces. */
function of(namespaces: readonly string[], find: (name: string) => unknown): Record<string, JsonObject> {
  const found = namespaces.map((name) => [name, find(name)] as const).filter(([, value]) => value !== undefined)
  return Object.fromEntries(found) as Record<string, JsonObject>
}
