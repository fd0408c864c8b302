import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { byteString } from '../../base/byte-string.ts'
import { operatorJson, printable, quoted } from './operators/json-text.ts'
import { valueText } from './operators/metadata.ts'
import type { FormatContext, Operator } from './operators/operator.ts'
import type { StreamInfo } from './stream-info.ts'
import { joined, parseFormat, type TextFormat } from './substitution.ts'

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

function printableOperator(operator: Operator): Operator {
  return (info) => {
    const value = operator(info)
    return typeof value === 'string' ? printable(value) : value
  }
}
