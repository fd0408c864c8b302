import { type DescMessage, fromBinary, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf'
import { parse, YAMLParseError } from 'yaml'
import { messageOf } from '../../errors.ts'
import { registry } from '../../xds/registry.ts'
import { invalid, unsupported } from './fields.ts'
import { readBytes } from './read-bytes.ts'

/** Reads a message from YAML or JSON text (JSON is YAML). `where` names it in errors. */
export function parseMessage<D extends DescMessage>(schema: D, text: string, where: string): MessageShape<D> {
  return attempt(where, () => fromJson(schema, parse(text, { merge: true }) as JsonValue, { registry }))
}

/**
 * Reads a message from a file whose ending says how it is written, as Envoy's MessageUtil::loadFromFile does: JSON, unless it is another.
 * Such files may hold secrets: errors tell fields and lines, and no values.
 */
export function readMessage<D extends DescMessage>(schema: D, file: string): MessageShape<D> {
  const bytes = readBytes(file)
  const name = file.toLowerCase()
  if (name.endsWith('.pb_text'))
    throw unsupported(file, 'the text form of protobuf; .yaml, .yml, .json and .pb are taken')
  const decode = () => {
    if (name.endsWith('.pb')) return fromBinary(schema, bytes)
    const text = bytes.toString('utf8')
    const json = /\.ya?ml$/.test(name) ? parseYaml(text) : JSON.parse(text)
    return fromJson(schema, json as JsonValue, { registry })
  }
  return attempt(file, decode, withoutValues)
}

function parseYaml(text: string): unknown {
  try {
    // It prints warnings, with the line.
    return parse(text, { merge: true, logLevel: 'error' })
  } catch (error) {
    // Its texts hold pieces of the file.
    if (!(error instanceof YAMLParseError)) throw new Error('YAML with an alias that cannot be resolved')
    const [{ line, col }] = error.linePos ?? [{ line: 1, col: 1 }]
    throw new Error(`no YAML at line ${line}, column ${col} (${error.code})`)
  }
}

/** Values stand in quotes. */
function withoutValues(text: string): string {
  if (/ from JSON: key "[^"\n]*" is unknown$/.test(text)) return text
  return text.replace(/".*"/s, '"…"')
}

function attempt<T>(where: string, work: () => T, tell = (text: string) => text): T {
  try {
    return work()
  } catch (error) {
    throw invalid(where, tell(messageOf(error)))
  }
}
