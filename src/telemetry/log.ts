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
    const level = own.get(scope)
    if (level !== undefined) known.level = level
    scopes.set(scope, known)
  }
  return known
}

/** Levels as they were chosen: of all scopes, and of those that have one of their own. Other threads can be told them. */
export interface LogLevels {
  readonly all: string
  readonly scopes: ReadonlyMap<string, string>
}

/** Also of scopes that have not logged in this thread yet. */
const own = new Map<string, string>()

/** Envoy's names for some of pino's levels. */
const ENVOYS: ReadonlyMap<string, string> = new Map([
  ['warning', 'warn'],
  ['critical', 'fatal'],
  ['off', 'silent'],
])

/** The level by pino's name or Envoy's, as pino's. */
export function logLevelOf(name: string): string {
  const level = ENVOYS.get(name) ?? name
  if (level !== 'silent' && !Object.hasOwn(root.levels.values, level)) {
    const names = [...Object.keys(root.levels.values), ...ENVOYS.keys()]
    throw new Error(`unknown log level «${name}»; there are ${names.join(', ')}`)
  }
  return level
}

/** Changes the level of one scope, or of all. */
export function setLogLevel(name: string, scope?: string): void {
  const level = logLevelOf(name)
  if (scope === undefined) {
    own.clear()
    root.level = level
    for (const known of scopes.values()) known.level = level
    return
  }
  own.set(scope, level)
  const known = scopes.get(scope)
  if (known !== undefined) known.level = level
}

/** The levels of this thread, for another one. */
export function chosenLogLevels(): LogLevels {
  return { all: root.level, scopes: own }
}

/** Puts levels of another thread into force. */
export function takeLogLevels({ all, scopes }: LogLevels): void {
  setLogLevel(all)
  for (const [scope, level] of scopes) setLogLevel(level, scope)
}

/** The level of each scope that has logged. */
export function logLevels(): Record<string, string> {
  return Object.fromEntries([...scopes].map(([name, { level }]) => [name, level]))
}
