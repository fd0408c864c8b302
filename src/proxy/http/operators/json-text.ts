/** Values of operators as JSON. */
import { isUtf8 } from 'node:buffer'

/** Only what is a string has a length. */
export function operatorJson(value: string | number | undefined, max?: number): string | undefined {
  return typeof value === 'string' ? quoted(printable(value.slice(0, max))) : value?.toString()
}

/** A JSON string. Bytes of headers that are no UTF-8 are written as Envoy does, each as an escape of its own. */
export function quoted(text: string): string {
  const json = JSON.stringify(text)
  return json.includes('\\udc') ? json.replace(ESCAPED, byteEscape) : json
}

/** An escaped backslash, or one of the lone surrogates that stand for bytes; `JSON.stringify` writes those as escapes. */
const ESCAPED = /\\(?:\\|udc([0-9a-f]{2}))/g
const BYTE = 0xdc00

function byteEscape(all: string, hex: string | undefined): string {
  return hex === undefined ? all : `\\u00${hex}`
}

/** As Envoy's JSON sanitizer: where a value is not UTF-8, all of its bytes but printable ASCII are written as escapes. */
export function printable(value: string): string {
  if (!/[\x80-\xff]/.test(value) || isUtf8(Buffer.from(value, 'latin1'))) return value
  return value.replace(/[^ !#-[\]-~]/g, (byte) => String.fromCharCode(BYTE + byte.charCodeAt(0)))
}
