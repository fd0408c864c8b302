/**
 * Envoy's command operators (`%RESPONSE_CODE%`), compiled once per format. What they write is a string of bytes, as header values are:
 * text of the configuration, of metadata and of certificates is in UTF-8 there.
 */

import { byteString } from '../../base/byte-string.ts'
import { invalid } from '../config/fields.ts'
import { compileOperator } from './operators/compile.ts'
import type { FormatContext, Operator } from './operators/operator.ts'
import type { StreamInfo } from './stream-info.ts'

/** Writes a format out for one request. */
export type TextFormat = (info: StreamInfo) => string

/** Compiles a text format. */
export function textFormat(format: string, path: string, omitEmpty = false, context: FormatContext = {}): TextFormat {
  return joined(parseFormat(format, path, context), omitEmpty)
}

/** The text of its parts, one behind the other. */
export function joined(parts: readonly (string | Operator)[], omitEmpty: boolean): TextFormat {
  const missing = omitEmpty ? '' : '-'
  return (info) => {
    let text = ''
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]
      text += typeof part === 'string' ? part : (part(info) ?? missing)
    }
    return text
  }
}

const COMMAND = /%(?:%|([A-Z0-9_]+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?::(\d+))?%)/g

/** Literals, and operators with what bounds their length. */
export function parseFormat(format: string, path: string, context: FormatContext): (string | Operator)[] {
  const parts: (string | Operator)[] = []
  let at = 0
  const literal = (text: string) => {
    if (text.includes('%')) throw invalid(path, `unfinished operator in «${text}»`)
    if (text !== '') parts.push(byteString(text))
  }
  for (const match of format.matchAll(COMMAND)) {
    literal(format.slice(at, match.index))
    at = match.index + match[0].length
    const [, name, argument, limit] = match
    if (name === undefined) parts.push('%')
    else {
      const max = limit === undefined ? undefined : Number(limit)
      // As in Envoy: `()` says nothing.
      parts.push(compileOperator(name, argument || undefined, max, path, context))
    }
  }
  literal(format.slice(at))
  return parts
}
