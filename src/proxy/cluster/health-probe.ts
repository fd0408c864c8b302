/** One question of a health check: by HTTP, by TCP, or by gRPC's health protocol. */
import { request } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import type { Socket } from 'node:net'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { RequestMethod } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import {
  type HealthCheck,
  type HealthCheck_GrpcHealthCheck,
  HealthCheck_GrpcHealthCheckSchema,
  type HealthCheck_HttpHealthCheck,
  HealthCheck_HttpHealthCheckSchema,
} from '../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { durationMs, onlyFields, unsupported } from '../config/fields.ts'
import { grpcFrame, grpcMessage } from '../grpc-frame.ts'
import { openSocket } from './connecting.ts'
import type { EndpointHost } from './endpoint-host.ts'

/** Asks a host once; returns how to give up. */
export type Probe = (host: EndpointHost, done: (healthy: boolean) => void) => () => void

export function healthProbe(check: HealthCheck, clusterName: string, path: string): Probe {
  const timeoutMs = durationMs(check.timeout, 1000)
  const kind = check.healthChecker
  switch (kind.case) {
    case 'tcpHealthCheck':
      if (kind.value.send !== undefined || kind.value.receive.length > 0)
        throw unsupported(`${path}.tcp_health_check`, 'send and receive')
      return (host, done) => tcpProbe(host, timeoutMs, done)
    case 'httpHealthCheck':
      return httpProbe(kind.value, clusterName, timeoutMs, `${path}.http_health_check`)
    case 'grpcHealthCheck':
      return grpcProbe(kind.value, clusterName, timeoutMs, `${path}.grpc_health_check`)
    default:
      throw unsupported(`${path}.${kind.case ?? 'health_checker'}`, 'only HTTP, TCP and gRPC are supported')
  }
}

/** A connection of the checker's own: it is made for nobody, and PROXY protocol says so. */
function openProbe(host: EndpointHost): Socket {
  const { tls, proxyHeader } = host.transport
  return openSocket(host, tls, proxyHeader?.(undefined), host.settings.healthPort)
}

function tcpProbe(host: EndpointHost, timeoutMs: number, done: (healthy: boolean) => void): () => void {
  const socket = openProbe(host)
  let open = true
  const finish = (healthy: boolean) => {
    if (!open) return
    open = false
    clearTimeout(timer)
    socket.destroy()
    done(healthy)
  }
  const timer = setTimeout(finish, timeoutMs, false)
  socket.on('error', () => finish(false))
  socket.once(host.transport.tls === undefined ? 'connect' : 'secureConnect', () => finish(true))
  return () => {
    open = false
    clearTimeout(timer)
    socket.destroy()
  }
}

const METHODS: ReadonlyMap<number, string> = new Map(Object.entries(RequestMethod).map(([name, n]) => [n, name]))

function httpProbe(http: HealthCheck_HttpHealthCheck, clusterName: string, timeoutMs: number, path: string): Probe {
  onlyFields(
    HealthCheck_HttpHealthCheckSchema,
    http,
    ['host', 'path', 'expected_statuses', 'request_headers_to_add', 'method'],
    path,
  )
  const expected = http.expectedStatuses.length === 0 ? [{ start: 200n, end: 201n }] : http.expectedStatuses
  const headers = Object.fromEntries(http.requestHeadersToAdd.map((o) => [o.header?.key ?? '', o.header?.value ?? '']))
  const method = METHODS.get(http.method || RequestMethod.GET)
  return (host, done) => {
    let open = true
    const finish = (healthy: boolean) => {
      if (!open) return
      open = false
      done(healthy)
    }
    const call = request({
      host: host.ip,
      port: host.settings.healthPort,
      path: http.path,
      method,
      timeout: timeoutMs,
      headers: { host: http.host || host.hostname || clusterName, 'user-agent': 'Envoy/HC', ...headers },
      createConnection: () => openProbe(host),
    })
    call.on('response', (response) => {
      response.resume()
      const status = BigInt(response.statusCode ?? 0)
      finish(expected.some(({ start, end }) => status >= start && status < end))
      call.destroy()
    })
    call.on('timeout', () => call.destroy(new Error('timeout')))
    call.on('error', () => finish(false))
    call.end()
    return () => call.destroy()
  }
}

/** grpc/doc/health-checking.md: `grpc.health.v1.Health/Check`, healthy is SERVING. */
function grpcProbe(grpc: HealthCheck_GrpcHealthCheck, clusterName: string, timeoutMs: number, path: string): Probe {
  onlyFields(HealthCheck_GrpcHealthCheckSchema, grpc, ['service_name', 'authority'], path)
  const message = new BinaryWriter()
  if (grpc.serviceName !== '') message.tag(1, WireType.LengthDelimited).string(grpc.serviceName)
  const question = grpcFrame(message.finish())
  return (host, done) => {
    const session = connectHttp2('http://health', { createConnection: () => openProbe(host) })
    let open = true
    const finish = (healthy: boolean) => {
      if (!open) return
      open = false
      clearTimeout(timer)
      session.destroy()
      done(healthy)
    }
    const timer = setTimeout(finish, timeoutMs, false)
    session.on('error', () => finish(false))
    const call = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': grpc.authority || host.hostname || clusterName,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'Envoy/HC',
    })
    const chunks: Buffer[] = []
    let grpcStatus: unknown
    call.on('response', (headers) => {
      grpcStatus = headers['grpc-status']
      if (Number(headers[constants.HTTP2_HEADER_STATUS]) !== 200) finish(false)
    })
    call.on('data', (chunk: Buffer) => chunks.push(chunk))
    call.on('trailers', (trailers) => {
      grpcStatus = trailers['grpc-status']
    })
    call.on('error', () => finish(false))
    call.on('end', () => finish(String(grpcStatus) === '0' && serving(Buffer.concat(chunks))))
    call.end(question)
    return () => {
      open = false
      clearTimeout(timer)
      session.destroy()
    }
  }
}

/** HealthCheckResponse.status (1) is SERVING (1). */
function serving(body: Buffer): boolean {
  const message = grpcMessage(body)
  if (message === undefined) return false
  const reader = new BinaryReader(message)
  let status = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1 && type === WireType.Varint) status = reader.int32()
    else reader.skip(type)
  }
  return status === 1
}
