import { type AccessLog, AccessLogSchema } from '../../../gen/envoy/config/accesslog/v3/accesslog_pb.ts'
import type { SubstitutionFormatString } from '../../../gen/envoy/config/core/v3/substitution_format_string_pb.ts'
import {
  type FileAccessLog,
  FileAccessLogSchema,
} from '../../../gen/envoy/extensions/access_loggers/file/v3/file_pb.ts'
import {
  type StderrAccessLog,
  StderrAccessLogSchema,
  type StdoutAccessLog,
  StdoutAccessLogSchema,
} from '../../../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts'
import {
  type WasmAccessLog,
  WasmAccessLogSchema,
} from '../../../gen/envoy/extensions/access_loggers/wasm/v3/wasm_pb.ts'
import { MetadataSchema } from '../../../gen/envoy/extensions/formatter/metadata/v3/metadata_pb.ts'
import { ReqWithoutQuerySchema } from '../../../gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.ts'
import { unpack } from '../config/any.ts'
import { dataSource } from '../config/data-source.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { FactoryContext } from '../context.ts'
import { prepareWasmAccessLog, WasmAccessLogger } from '../filters/wasm/access-log.ts'
import { type LogFilter, logFilter } from './access-log-filter.ts'
import { jsonFormat } from './json-format.ts'
import { type LogFile, openLog } from './log-file.ts'
import type { FormatContext } from './operators/operator.ts'
import type { StreamInfo } from './stream-info.ts'
import { type TextFormat, textFormat } from './substitution.ts'

/** One configured access log. */
export interface AccessLogger {
  log(info: StreamInfo): void
  close(): void
}

/** Envoy's default format. */
const DEFAULT_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'

/** What the log at `path` needs from the main thread, for the `prepared` of its context. */
export async function prepareAccessLog(config: AccessLog, path: string): Promise<unknown> {
  const where = `${path}.typed_config`
  const { typeName, message } = unpack(config.configType.value, where)
  return typeName === WasmAccessLogSchema.typeName ? prepareWasmAccessLog(message as WasmAccessLog, where) : undefined
}

/** Makes a log of what is configured: a file, a stream of the process, or a Wasm extension. */
export function accessLogger(config: AccessLog, path: string, context: FactoryContext): AccessLogger {
  onlyFields(AccessLogSchema, config, ['name', 'filter', 'typed_config'], path)
  const filter = config.filter && logFilter(config.filter, `${path}.filter`, context)
  const where = `${path}.typed_config`
  const { typeName, message } = unpack(config.configType.value, where)
  switch (typeName) {
    case FileAccessLogSchema.typeName: {
      const file = message as FileAccessLog
      if (file.path === '') throw invalid(`${where}.path`, 'a path is missing')
      return new TextLogger(openLog(file.path, context.stats), fileLine(file, where, context), filter)
    }
    case StdoutAccessLogSchema.typeName:
      return new TextLogger(
        openLog('/dev/stdout', context.stats),
        streamLine(message as StdoutAccessLog, where, context),
        filter,
      )
    case StderrAccessLogSchema.typeName:
      return new TextLogger(
        openLog('/dev/stderr', context.stats),
        streamLine(message as StderrAccessLog, where, context),
        filter,
      )
    case WasmAccessLogSchema.typeName:
      // The main thread only checks; a plugin runs where it logs.
      return context.workerIndex < 0 ? SILENT : filtered(new WasmAccessLogger(context), filter)
    default:
      throw unsupported(where, `access log ${typeName}`)
  }
}

const SILENT: AccessLogger = { log() {}, close() {} }

function filtered(logger: AccessLogger, filter: LogFilter | undefined): AccessLogger {
  if (filter === undefined) return logger
  return {
    log: (info) => {
      if (filter(info)) logger.log(info)
    },
    close: () => logger.close(),
  }
}

class TextLogger implements AccessLogger {
  readonly #file: LogFile
  readonly #line: TextFormat
  readonly #filter: LogFilter | undefined

  constructor(file: LogFile, line: TextFormat, filter: LogFilter | undefined) {
    this.#file = file
    this.#line = line
    this.#filter = filter
  }

  log(info: StreamInfo): void {
    if (this.#filter !== undefined && !this.#filter(info)) return
    this.#file.write(this.#line(info))
  }

  close(): void {
    this.#file.close()
  }
}

function fileLine(file: FileAccessLog, path: string, place: FactoryContext): TextFormat {
  const context = formatContext(place)
  const format = file.accessLogFormat
  switch (format.case) {
    case undefined:
      return textFormat(DEFAULT_FORMAT, path)
    case 'format':
      return textFormat(format.value, `${path}.format`, false, context)
    case 'jsonFormat':
      return jsonFormat(format.value, `${path}.json_format`, false, context)
    case 'typedJsonFormat':
      return jsonFormat(format.value, `${path}.typed_json_format`, false, context)
    case 'logFormat':
      return substitutionLine(format.value, `${path}.log_format`, context)
  }
}

function streamLine(log: StdoutAccessLog | StderrAccessLog, path: string, place: FactoryContext): TextFormat {
  return log.accessLogFormat.case === 'logFormat'
    ? substitutionLine(log.accessLogFormat.value, `${path}.log_format`, formatContext(place))
    : textFormat(DEFAULT_FORMAT, path)
}

function formatContext({ listener }: FactoryContext): FormatContext {
  return { listenerMetadata: listener.metadata }
}

function substitutionLine(format: SubstitutionFormatString, path: string, context: FormatContext): TextFormat {
  // The operators of these two formatters are built in (operators/), so that there is nothing to load for them.
  for (const [i, { typedConfig }] of format.formatters.entries()) {
    const where = `${path}.formatters[${i}].typed_config`
    const { typeName } = unpack(typedConfig, where)
    if (typeName !== MetadataSchema.typeName && typeName !== ReqWithoutQuerySchema.typeName)
      throw unsupported(where, `formatter ${typeName}`)
  }
  switch (format.format.case) {
    case 'textFormat':
      return textFormat(format.format.value || DEFAULT_FORMAT, `${path}.text_format`, format.omitEmptyValues, context)
    case 'jsonFormat':
      return jsonFormat(format.format.value, `${path}.json_format`, format.omitEmptyValues, context)
    case 'textFormatSource': {
      const text = dataSource(format.format.value, `${path}.text_format_source`).toString('utf8')
      return textFormat(text, `${path}.text_format_source`, format.omitEmptyValues, context)
    }
    default:
      return textFormat(DEFAULT_FORMAT, path)
  }
}
