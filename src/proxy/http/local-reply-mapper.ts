import type { SubstitutionFormatString } from '../../../gen/envoy/config/core/v3/substitution_format_string_pb.ts'
import type { LocalReplyConfig } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { dataSource } from '../config/data-source.ts'
import { invalid } from '../config/fields.ts'
import { type LogFilter, logFilter } from './access-log-filter.ts'
import type { AttributePlace } from './attributes.ts'
import { HeaderMutations } from './header-mutations.ts'
import { jsonFormat } from './json-format.ts'
import type { StreamInfo } from './stream-info.ts'
import { type TextFormat, textFormat } from './substitution.ts'

interface Format {
  readonly contentType: string
  readonly isJson: boolean
  readonly write: TextFormat
}

interface Rule {
  readonly filter: LogFilter
  readonly statusCode: number | undefined
  readonly body: string | undefined
  readonly format: Format | undefined
  readonly headers: HeaderMutations | undefined
}

interface Mapped extends Omit<Format, 'write'> {
  readonly body: string
}

/** Compiled `local_reply_config`: the first rule that applies changes status, headers and body of a local reply. */
export class LocalReplyMapper {
  readonly #rules: readonly Rule[]
  readonly #format: Format | undefined
  /** What `%LOCAL_REPLY_BODY%` stands for while a reply is made. */
  #body = ''

  constructor(config: LocalReplyConfig, path: string, place: AttributePlace) {
    this.#rules = config.mappers.map((mapper, i) => {
      const where = `${path}.mappers[${i}]`
      if (mapper.filter === undefined) throw invalid(`${where}.filter`, 'a filter is missing')
      return {
        filter: logFilter(mapper.filter, `${where}.filter`, place),
        statusCode: mapper.statusCode,
        body: mapper.body === undefined ? undefined : dataSource(mapper.body, `${where}.body`).latin1Slice(),
        format: mapper.bodyFormatOverride && this.#compile(mapper.bodyFormatOverride, `${where}.body_format_override`),
        headers: HeaderMutations.compile(mapper.headersToAdd, [], `${where}.headers`),
      }
    })
    this.#format = config.bodyFormat && this.#compile(config.bodyFormat, `${path}.body_format`)
  }

  map(info: StreamInfo, headers: HeaderMap, body: string): Mapped {
    const rule = this.#rules.find(({ filter }) => filter(info))
    this.#body = rule?.body ?? body
    // Before the code is another one, which only the format tells (ResponseMapper::matchAndRewrite).
    rule?.headers?.apply(headers, info)
    if (rule?.statusCode !== undefined) {
      headers.set(':status', String(rule.statusCode))
      info.responseCode = rule.statusCode
    }
    const format = rule?.format ?? this.#format
    if (format === undefined) return { body: this.#body, contentType: 'text/plain', isJson: false }
    return {
      body: format.write(info),
      contentType: format.contentType,
      isJson: format.isJson && format.contentType === 'application/json',
    }
  }

  #compile(format: SubstitutionFormatString, path: string): Format {
    const context = { localReplyBody: () => this.#body }
    const type = byteString(format.contentType)
    switch (format.format.case) {
      case 'textFormat': {
        const write = textFormat(format.format.value, `${path}.text_format`, format.omitEmptyValues, context)
        return { contentType: type || 'text/plain', isJson: false, write }
      }
      case 'jsonFormat': {
        const write = jsonFormat(format.format.value, `${path}.json_format`, format.omitEmptyValues, context)
        return { contentType: type || 'application/json', isJson: true, write }
      }
      case 'textFormatSource': {
        const text = dataSource(format.format.value, `${path}.text_format_source`).toString('utf8')
        const write = textFormat(text, `${path}.text_format_source`, format.omitEmptyValues, context)
        return { contentType: type || 'text/plain', isJson: false, write }
      }
      default:
        throw invalid(path, 'a format is missing')
    }
  }
}
