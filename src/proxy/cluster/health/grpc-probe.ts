import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  type HealthCheck_GrpcHealthCheck,
  HealthCheck_GrpcHealthCheckSchema,
} from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import { onlyFields } from '../../config/fields.ts'
import { grpcFrame, grpcMessage } from '../../grpc-frame.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { openProbe, type Probe, type ProbeFactory, type ProbeOutcome, type ProbeSettings } from './probe.ts'
import { headerText, probeHeader } from './probe-headers.ts'

interface GrpcQuestion {
  readonly message: Buffer
  headers(host: EndpointHost): Record<string, string | string[]>
}

/** grpc/doc/health-checking.md: `grpc.health.v1.Health/Check`, healthy is SERVING. */
export function grpcProbe(grpc: HealthCheck_GrpcHealthCheck, settings: ProbeSettings): ProbeFactory {
  onlyFields(HealthCheck_GrpcHealthCheckSchema, grpc, ['service_name', 'authority', 'initial_metadata'], settings.path)
  const message = new BinaryWriter()
  if (grpc.serviceName !== '') message.tag(1, WireType.LengthDelimited).string(grpc.serviceName)
  const metadata: Record<string, string[]> = {}
  for (const [i, option] of grpc.initialMetadata.entries()) {
    const [key, value] = probeHeader(option, `${settings.path}.initial_metadata[${i}]`, true)
    const name = key.toLowerCase()
    metadata[name] = [...(metadata[name] ?? []), value]
  }
  const clusterName = headerText(settings.clusterName, `${settings.path}.authority`)
  const authority = headerText(grpc.authority, `${settings.path}.authority`)
  const question: GrpcQuestion = {
    message: grpcFrame(message.finish()),
    headers: (host) => ({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': byteString(host.settings.healthHostname) || authority || byteString(host.hostname) || clusterName,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'Envoy/HC',
      ...metadata,
    }),
  }
  return (host) => new GrpcProbe(host, settings, question)
}

class GrpcProbe implements Probe {
  readonly #host: EndpointHost
  readonly #settings: ProbeSettings
  readonly #question: GrpcQuestion
  #session: ClientHttp2Session | undefined
  #timer: NodeJS.Timeout | undefined
  #done: ((outcome: ProbeOutcome) => void) | undefined

  constructor(host: EndpointHost, settings: ProbeSettings, question: GrpcQuestion) {
    this.#host = host
    this.#settings = settings
    this.#question = question
  }

  check(done: (outcome: ProbeOutcome) => void): void {
    this.#done = done
    this.#timer = setTimeout(() => this.#finish('failed'), this.#settings.timeoutMs)
    this.#session ??= this.#connect()
    const call = this.#session.request(this.#question.headers(this.#host))
    this.#listen(call)
    call.end(this.#question.message)
  }

  close(): void {
    this.#done = undefined
    clearTimeout(this.#timer)
    this.#session?.destroy()
    this.#session = undefined
  }

  #connect(): ClientHttp2Session {
    const session = connect('http://health', { createConnection: () => openProbe(this.#host) })
    const gone = () => {
      if (this.#session === session) this.#finish('failed')
    }
    session.on('error', gone)
    session.on('goaway', gone)
    session.on('close', gone)
    return session
  }

  #listen(call: ClientHttp2Stream): void {
    const chunks: Buffer[] = []
    let grpcStatus: unknown
    call.on('response', (headers) => {
      grpcStatus = headers['grpc-status']
      if (Number(headers[constants.HTTP2_HEADER_STATUS]) !== 200) this.#finish('unhealthy')
    })
    call.on('data', (chunk: Buffer) => chunks.push(chunk))
    call.on('trailers', (trailers) => {
      grpcStatus = trailers['grpc-status']
    })
    call.on('error', () => this.#finish('failed'))
    call.on('end', () => {
      this.#finish(String(grpcStatus) === '0' && serving(Buffer.concat(chunks)) ? 'healthy' : 'unhealthy')
    })
  }

  #finish(outcome: ProbeOutcome): void {
    const done = this.#done
    this.#done = undefined
    clearTimeout(this.#timer)
    if (outcome === 'failed' || !this.#settings.reuse) {
      this.#session?.destroy()
      this.#session = undefined
    }
    done?.(outcome)
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
