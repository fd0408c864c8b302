/** `%GRPC_STATUS(format)%` */
import { invalid } from '../../config/fields.ts'
import { isGrpc } from '../../route/route-match.ts'
import { grpcFromHttp } from '../grpc-from-http.ts'
import type { StreamInfo } from '../stream-info.ts'
import type { Operator } from './operator.ts'

/** An empty one is none, as in Envoy. */
export function grpcStatus(info: StreamInfo): string | undefined {
  return info.responseTrailers?.get('grpc-status') || info.responseHeaders?.get('grpc-status') || undefined
}

const GRPC_NAMES: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]

/** `CAMEL_STRING`, `SNAKE_STRING` or `NUMBER`. */
export function grpcOperator(format: string, path: string): Operator {
  if (format === 'NUMBER') return grpcNumber
  if (format !== 'CAMEL_STRING' && format !== 'SNAKE_STRING')
    throw invalid(path, `${format} is none of CAMEL_STRING, SNAKE_STRING and NUMBER`)
  const names = format === 'CAMEL_STRING' ? GRPC_NAMES : GRPC_NAMES.map(snake)
  return (info) => {
    const status = grpcNumber(info)
    return status === undefined ? undefined : (names[status] ?? String(status))
  }
}

function snake(name: string): string {
  return name.replace(/\B[A-Z]/g, (letter) => (name === 'OK' ? letter : `_${letter}`)).toUpperCase()
}

/** Of a gRPC request only, as in Envoy. */
export function grpcNumber(info: StreamInfo): number | undefined {
  if (info.requestHeaders === undefined || !isGrpc(info.requestHeaders)) return undefined
  const status = grpcStatus(info)
  if (status === undefined) return info.responseCode === 0 ? undefined : grpcFromHttp(info.responseCode)
  return /^\d+$/.test(status) ? Number(status) : -1
}
