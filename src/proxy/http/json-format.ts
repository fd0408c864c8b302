import { isUtf8 } from 'node:buffer'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { byteString } from '../../base/byte-string.ts'
import type { StreamInfo } from './stream-info.ts'
import { type FormatContext, joined, type Operator, parseFormat, type TextFormat, valueText } from './substitution.ts'

/** JSON text; undefined: there is nothing. */
type JsonBuild = (info: StreamInfo) => string | undefined

/** Compiles a JSON format to its line: strings become operators (a lone operator keeps its type), the rest is kept. */
export function jsonFormat(
  format: JsonObject,
  path: string,
  omitEmpty = false,
  context: FormatContext = {},
): TextFormat {
  const build = compileObject(format, path, omitEmpty, context)
  return (info) => `${build(info)}\n`
}

function compileJson(value: JsonValue, path: string, omitEmpty: boolean, context: FormatContext): JsonBuild {
  if (typeof value === 'string') return compileText(value, path, omitEmpty, context)
  if (Array.isArray(value)) {
    const items = value.map((item, i) => compileJson(item, `${path}[${i}]`, omitEmpty, context))
    return (info) => `[${items.flatMap((item) => item(info) ?? (omitEmpty ? [] : 'null')).join(',')}]`
  }
  if (value !== null && typeof value === 'object') {
    const build = compileObject(value, path, omitEmpty, context)
    return omitEmpty
      ? (info) => {
          const text = build(info)
          return text === '{}' ? undefined : text
        }
      : build
  }
  const text = value === null && omitEmpty ? undefined : valueText(value)
  return () => text
}

/** Its fields are sorted, as Envoy writes them: readers compare lines. */
function compileObject(
  value: JsonObject,
  path: string,
  omitEmpty: boolean,
  context: FormatContext,
): (info: StreamInfo) => string {
  const fields = Object.entries(value)
    .map(([key, item]) => [byteString(key), compileJson(item, `${path}.${key}`, omitEmpty, context)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, build]) => [`${quoted(key)}:`, build] as const)
  return (info) => {
    let text = ''
    for (const [key, build] of fields) {
      const field = build(info)
      if (field !== undefined) text += `${text === '' ? '' : ','}${key}${field}`
    }
    return `{${text}}`
  }
}

function compileText(value: string, path: string, omitEmpty: boolean, context: FormatContext): JsonBuild {
  const parts = parseFormat(value, path, context)
  const only = parts[0]
  if (parts.length === 1 && typeof only !== 'string') {
    const nothing = omitEmpty ? undefined : 'null'
    return (info) => (only.json === undefined ? operatorJson(only(info)) : only.json(info)) ?? nothing
  }
  const text = joined(
    parts.map((part) => (typeof part === 'string' ? part : printableOperator(part))),
    omitEmpty,
  )
  return (info) => quoted(text(info))
}

function operatorJson(value: string | number | undefined): string | undefined {
  return typeof value === 'string' ? quoted(printable(value)) : value?.toString()
}

function printableOperator(operator: Operator): Operator {
  return (info) => {
    const value = operator(info)
    return typeof value === 'string' ? printable(value) : value
  }
}

function quoted(text: string): string {
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
function printable(value: string): string {
  if (!/[\x80-\xff]/.test(value) || isUtf8(Buffer.from(value, 'latin1'))) return value
  return value.replace(/[^ !#-[\]-~]/g, (byte) => String.fromCharCode(BYTE + byte.charCodeAt(0)))
}
