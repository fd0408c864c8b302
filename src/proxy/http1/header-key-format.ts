/** `header_key_format`: how the names of headers are written over HTTP/1.1, in lower case unless told. */
import {
  type Http1ProtocolOptions_HeaderKeyFormat as HeaderKeyFormatProto,
  Http1ProtocolOptions_HeaderKeyFormatSchema as HeaderKeyFormatSchema,
} from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import {
  PreserveCaseFormatterConfig_FormatterTypeOnEnvoyHeaders as OnEnvoyHeaders,
  type PreserveCaseFormatterConfig,
  PreserveCaseFormatterConfigSchema,
} from '../../../gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.ts'
import type { Spelling } from '../../base/header-map.ts'
import { internalized } from '../../base/internalized.ts'
import { unpackAs } from '../config/any.ts'
import { invalid, onlyFields, within } from '../config/fields.ts'

/** What one side of the proxy does about names. */
export interface HeaderKeyFormat {
  /** For messages that it writes whose own spelling is not known: `proper_case_words`. */
  readonly written: Spelling | undefined
  /** Keeps how the peer spelt the head between `start` and `end`, for whoever writes the message on: `preserve_case`. */
  readonly received: ((bytes: Buffer, start: number, end: number) => Spelling) | undefined
}

/** Reads the field; `path` is its own. */
export function headerKeyFormat(config: HeaderKeyFormatProto | undefined, path: string): HeaderKeyFormat | undefined {
  if (config === undefined) return undefined
  onlyFields(HeaderKeyFormatSchema, config, ['proper_case_words', 'stateful_formatter'], path)
  const format = config.headerFormat
  switch (format.case) {
    case 'properCaseWords':
      return { written: PROPER_CASE, received: undefined }
    case 'statefulFormatter': {
      const where = `${path}.stateful_formatter.typed_config`
      return { written: undefined, received: preserveCase(format.value.typedConfig, where) }
    }
    default:
      throw invalid(path, 'a format is missing')
  }
}

function preserveCase(any: Parameters<typeof unpackAs>[0], path: string): HeaderKeyFormat['received'] {
  const config: PreserveCaseFormatterConfig = unpackAs(any, PreserveCaseFormatterConfigSchema, path)
  const fields = ['forward_reason_phrase', 'formatter_type_on_envoy_headers']
  onlyFields(PreserveCaseFormatterConfigSchema, config, fields, path)
  const { forwardReasonPhrase, formatterTypeOnEnvoyHeaders: type } = config
  within(type, 0, OnEnvoyHeaders.DEFAULT, OnEnvoyHeaders.PROPER_CASE, `${path}.formatter_type_on_envoy_headers`)
  const others = type === OnEnvoyHeaders.PROPER_CASE ? PROPER_CASE : undefined
  return (bytes, start, end) => new ReceivedSpelling(bytes.latin1Slice(start, end), others, forwardReasonPhrase)
}

/** The names of one message as its sender wrote them; of several spellings the first, as in Envoy. */
class ReceivedSpelling implements Spelling {
  readonly reason: string
  readonly #names = new Map<string, string>()
  readonly #others: Spelling | undefined

  /** A head that the codec has taken, so that every line is as it should be. */
  constructor(head: string, others: Spelling | undefined, withReason: boolean) {
    this.#others = others
    const [start, ...lines] = head.split('\r\n')
    for (const line of lines.slice(0, -1)) {
      const name = line.slice(0, line.indexOf(':'))
      const lower = name.toLowerCase()
      if (!this.#names.has(lower)) this.#names.set(lower, name)
    }
    // Of a status line: `HTTP/1.1 200 OK`.
    this.reason = withReason ? start.slice(13) : ''
  }

  of(name: string): string {
    return this.#names.get(name) ?? this.#others?.of(name) ?? name
  }
}

/** Peers choose names, so the cache stops growing at this many, and takes none that is longer. */
const MAX_CACHED = 1024
const LONGEST = 64
const cache = new Map<string, string>()

/** Of each word, which anything but a letter or digit ends, the first character is written large. */
export const PROPER_CASE: Spelling = {
  reason: '',
  of(name) {
    let proper = cache.get(name)
    if (proper === undefined) {
      proper = name.replace(/(?<![a-z0-9])[a-z]/g, (letter) => letter.toUpperCase())
      // As it is, it may be a piece of a whole head, which would stay with it.
      if (cache.size < MAX_CACHED && name.length <= LONGEST) cache.set(internalized(name), proper)
    }
    return proper
  },
}

/** A head (its start line and header lines, each with its CRLF) with its names spelt so. */
export function spelt(head: string, spelling: Spelling): string {
  const lines = head.split('\r\n')
  for (let i = 1; i < lines.length - 1; i++) {
    const colon = lines[i].indexOf(':')
    lines[i] = spelling.of(lines[i].slice(0, colon)) + lines[i].slice(colon)
  }
  // The status stays: a filter may have changed it.
  if (spelling.reason !== '' && lines[0].startsWith('HTTP/1.1 ')) lines[0] = lines[0].slice(0, 13) + spelling.reason
  return lines.join('\r\n')
}
