import type { HealthCheck_Payload } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { invalid } from '../../config/fields.ts'

/** The bytes of a payload: as they are, or in hexadecimal digits. */
export function payloadBytes(proto: HealthCheck_Payload, path: string): Buffer {
  const { case: kind, value } = proto.payload
  if (kind === 'binary') return Buffer.from(value)
  const text = kind === 'text' ? value : ''
  if (text === '' || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw invalid(`${path}.text`, `«${text}» is not a row of bytes in hexadecimal digits, such as 68656C6C6F`)
  return Buffer.from(text, 'hex')
}

/** Whether all parts are found in order, with anything in between (Envoy's PayloadMatcher). */
export function containsInOrder(bytes: Buffer, parts: readonly Buffer[]): boolean {
  let from = 0
  for (const part of parts) {
    const at = bytes.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return true
}
