import { logLevels, setLogLevel } from '../../telemetry/log.ts'

/** `/logging?level=debug` or `/logging?wasm=trace`; answers with the levels of all scopes. */
export function logging(query: URLSearchParams): string {
  for (const [name, level] of query)
    setLogLevel(level, name === 'level' ? undefined : name === 'paths' ? undefined : name)
  return `active loggers:\n${Object.entries(logLevels())
    .map(([name, level]) => `  ${name}: ${level}`)
    .join('\n')}\n`
}
