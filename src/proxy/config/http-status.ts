import { type HttpStatus, StatusCodeSchema } from '../../../gen/envoy/type/v3/http_status_pb.ts'
import { invalid } from './fields.ts'

/** A status of an answer of the proxy's own: one that Envoy knows by name. */
export function httpStatus(status: HttpStatus | undefined, absent: number, path: string): number {
  if (status === undefined) return absent
  const { code } = status
  if (code === 0 || StatusCodeSchema.value[code] === undefined) throw invalid(`${path}.code`, `${code} is no status`)
  return code
}

/** Of those who asked too much: what says that nothing is wrong does not count, as in Envoy. */
export function refusalStatus(status: HttpStatus | undefined, path: string): number {
  const code = httpStatus(status, 429, path)
  return code >= 400 ? code : 429
}
