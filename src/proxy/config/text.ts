import { type DescMessage, fromBinary, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { messageOf } from '../../errors.ts'
import { registry } from './any.ts'
import { invalid, unsupported } from './fields.ts'
import { readBytes } from './read-bytes.ts'

/** Reads a message from YAML or JSON text (JSON is YAML). `where` names it in errors. */
export function parseMessage<D extends DescMessage>(schema: D, text: string, where: string): MessageShape<D> {
  return attempt(where, () => fromJson(schema, parse(text, { merge: true }) as JsonValue, { registry }))
}

/** Reads a message from a file whose ending says how it is written, as Envoy's MessageUtil::loadFromFile does: JSON, unless it is another. */
export function readMessage<D extends DescMessage>(schema: D, file: string): MessageShape<D> {
  const bytes = readBytes(file)
  const name = file.toLowerCase()
  if (name.endsWith('.pb')) return attempt(file, () => fromBinary(schema, bytes))
  if (name.endsWith('.pb_text'))
    throw unsupported(file, 'the text form of protobuf; .yaml, .yml, .json and .pb are taken')
  const text = bytes.toString('utf8')
  if (/\.ya?ml$/.test(name)) return parseMessage(schema, text, file)
  return attempt(file, () => fromJson(schema, JSON.parse(text) as JsonValue, { registry }))
}

function attempt<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw invalid(where, messageOf(error))
  }
}
