import { create, toBinary } from '@bufbuild/protobuf'
import type { GrpcService } from '../../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import type { ExtAuthz } from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import { CheckRequestSchema } from '../../../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { durationMs } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import { GrpcMethod } from '../grpc-method.ts'
import { attributesOf } from './attributes.ts'
import { verdictOf } from './check-response.ts'
import type { HeadersToSend } from './headers.ts'
import { type Check, ERROR, tagStatus } from './verdict.ts'

const METHOD = 'envoy.service.auth.v3.Authorization.Check'
const DEFAULT_TIMEOUT_MS = 200

/** A server that speaks `envoy.service.auth.v3.Authorization`. */
export function grpcCheck(service: GrpcService, config: ExtAuthz, sent: HeadersToSend, context: FactoryContext): Check {
  const timeoutMs = durationMs(service.timeout, DEFAULT_TIMEOUT_MS)
  const method = new GrpcMethod(service, METHOD, timeoutMs, context.clusters, 'ext_authz.grpc_service')
  return (input, done) => {
    const message = toBinary(
      CheckRequestSchema,
      create(CheckRequestSchema, { attributes: attributesOf(input, config, sent) }),
    )
    const stream = method.call(message, input.info, input.callbacks, (answer, span) => {
      const said = answer === undefined ? ERROR : verdictOf(answer)
      if (said.kind !== 'error') tagStatus(span, said.kind === 'allowed')
      done(said)
    })
    return () => stream?.reset()
  }
}
