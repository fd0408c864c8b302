import { type GrpcService, GrpcServiceSchema } from '../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { byteString } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import {
  type AsyncClient,
  type AsyncResponse,
  type AsyncStream,
  asyncRequest,
  type CallSpan,
} from '../cluster/async-client.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import { grpcFrame, grpcMessage } from '../grpc-frame.ts'
import type { HttpFilterCallbacks } from '../http/filter.ts'
import { toGrpcTimeout } from '../http/grpc-timeout.ts'
import { HeaderMutations } from '../http/header-mutations.ts'
import type { StreamInfo } from '../http/stream-info.ts'

/** The bytes of the one message of the answer; undefined: there is none, or the call failed. */
type GrpcAnswered = (message: Buffer | undefined, span: CallSpan | undefined) => void

/** A unary method of a service that a filter asks by the proxy's own client. */
export class GrpcMethod {
  readonly #clients: AsyncClient
  readonly #cluster: string
  readonly #authority: string
  readonly #method: string
  readonly #path: string
  readonly #timeoutMs: number
  readonly #metadata: HeaderMutations | undefined

  /** `method` is `package.Service.Method`. */
  constructor(service: GrpcService, method: string, timeoutMs: number, clients: AsyncClient, path: string) {
    onlyFields(GrpcServiceSchema, service, ['envoy_grpc', 'google_grpc', 'timeout', 'initial_metadata'], path)
    if (service.targetSpecifier.case === 'googleGrpc') throw unsupported(`${path}.google_grpc`, 'there is envoy_grpc')
    if (service.targetSpecifier.case === undefined) throw invalid(`${path}.envoy_grpc`, 'missing')
    const { clusterName, authority } = service.targetSpecifier.value
    this.#clients = clients
    this.#cluster = clusterName
    this.#authority = byteString(authority || clusterName)
    this.#method = method
    this.#path = `/${method.replace(/\.(?=[^.]*$)/, '/')}`
    this.#timeoutMs = timeoutMs
    this.#metadata = HeaderMutations.overwriting(service.initialMetadata, `${path}.initial_metadata`)
  }

  /** `answered` is called once and later. Without `callbacks` the call is no part of a trace. */
  call(
    message: Uint8Array,
    info: StreamInfo,
    callbacks: Pick<HttpFilterCallbacks, 'traceCall'> | undefined,
    answered: GrpcAnswered,
  ): AsyncStream | undefined {
    const headers = HeaderMap.of([
      [':authority', this.#authority],
      [':path', this.#path],
      [':method', 'POST'],
      [':scheme', 'http'],
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
    ])
    if (this.#timeoutMs > 0) headers.add('grpc-timeout', toGrpcTimeout(this.#timeoutMs))
    this.#metadata?.apply(headers, info)
    const span = callbacks?.traceCall(headers, this.#cluster, this.#method)
    const body = BodyBuffer.of(grpcFrame(message))
    const done = (answer: AsyncResponse | undefined) => {
      const status = answer?.trailers?.get('grpc-status') ?? answer?.headers.get('grpc-status')
      answered(answer === undefined || status !== '0' ? undefined : grpcMessage(answer.body.linearize()), span)
    }
    const stream = asyncRequest(this.#clients, this.#cluster, headers, body, undefined, this.#timeoutMs, done, span)
    if (stream === undefined) process.nextTick(answered, undefined, span)
    return stream
  }
}
