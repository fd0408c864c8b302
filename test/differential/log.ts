import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TAG } from './trial.ts'

/** Both write their logs many times in it. */
const LOG_FLUSH_MS = 150

const LOG =
  `%REQ(${TAG})% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% route=%ROUTE_NAME% %PROTOCOL% ` +
  'in=%BYTES_RECEIVED% out=%BYTES_SENT% try=%UPSTREAM_REQUEST_ATTEMPT_COUNT% from=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n'

/** An access log whose lines begin with the tag of their request. */
export function fileLog(path: string): unknown {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      log_format: { text_format_source: { inline_string: LOG } },
    },
  }
}

/** What such a log has, by tag. */
export async function logged(file: string): Promise<Map<string, string[]>> {
  await sleep(LOG_FLUSH_MS)
  const lines = new Map<string, string[]>()
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const space = line.indexOf(' ')
    const tag = line.slice(0, space)
    lines.set(tag, [...(lines.get(tag) ?? []), line.slice(space + 1)])
  }
  return lines
}
