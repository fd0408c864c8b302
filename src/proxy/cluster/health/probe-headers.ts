/** Headers of health checks: what Node would not send is refused when it is loaded. */
import { type HeaderValueOption, HeaderValueOptionSchema } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import { messageOf } from '../../../errors.ts'
import { invalid, onlyFields, unsupported } from '../../config/fields.ts'

/** Node takes these out of the hands of who uses its HTTP/2 (RFC 9113 8.2.2). */
const OF_CONNECTION = [
  'connection',
  'upgrade',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'te',
]

/** RFC 9110 5.5: a tab, and what is visible or above ASCII. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Name and value, as the bytes that are sent. */
export function probeHeader(option: HeaderValueOption, path: string, http2 = false): [name: string, value: string] {
  onlyFields(HeaderValueOptionSchema, option, ['header'], path)
  const { header } = option
  if (header?.value.includes('%') === true) throw unsupported(`${path}.header.value`, 'formats in health checks')
  const name = header?.key ?? ''
  try {
    process.getBuiltinModule('node:http').validateHeaderName(name)
  } catch (error) {
    throw invalid(`${path}.header.key`, messageOf(error))
  }
  if (http2 && OF_CONNECTION.includes(name.toLowerCase()))
    throw invalid(`${path}.header.key`, `${name} is not for HTTP/2 requests`)
  return [name, headerText(header?.value ?? '', `${path}.header.value`)]
}

/** The text as its bytes. */
export function headerText(text: string, path: string): string {
  const bytes = byteString(text)
  if (!FIELD_VALUE.test(bytes)) throw invalid(path, `${JSON.stringify(text)} has characters that no header may have`)
  return bytes
}
