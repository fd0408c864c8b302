import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

let file: { write(line: string): void } | undefined

/** Lines go to stderr, or to a file and, from `warn` on, to stderr too. Each begins with `{"level":30,`. */
const destination = {
  write(line: string): void {
    file?.write(line)
    if (file === undefined || Number(line.slice(9, 11)) >= pino.levels.values['warn']) process.stderr.write(line)
  },
}

/** JSON lines on stderr: stdout belongs to the commands' results. `SLUICE_LOG_LEVEL` sets the level; `info` unless told. */
const root = pino({ level: process.env['SLUICE_LOG_LEVEL'] ?? 'info', base: { pid: process.pid } }, destination)

/** Keeps the lines of this process in a file, so that a terminal shows only what a person should see. */
export function logToFile(path: string): void {
  file = pino.destination({ dest: path, mkdir: true, sync: true })
}

const scopes = new Map<string, Logger>()

/** The logger of one part; scopes are named as in Istio and Envoy (`wasm`, `xds`, `ads`, `http`). */
export function logger(scope: string): Logger {
  let known = scopes.get(scope)
  if (known === undefined) {
    known = root.child({ scope })
    scopes.set(scope, known)
  }
  return known
}

/** Changes the level of one scope, or of all. */
export function setLogLevel(level: string, scope?: string): void {
  if (!(level in root.levels.values)) throw new Error(`unknown log level «${level}»`)
  if (scope !== undefined) {
    const known = scopes.get(scope)
    if (known === undefined) throw new Error(`unknown logger «${scope}»`)
    known.level = level
    return
  }
  root.level = level
  for (const known of scopes.values()) known.level = level
}

/** The level of each scope that has logged. */
export function logLevels(): Record<string, string> {
  return Object.fromEntries([...scopes].map(([name, { level }]) => [name, level]))
}
