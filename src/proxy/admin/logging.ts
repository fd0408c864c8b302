import { chosenLogLevels, logLevelOf, logLevels, setLogLevel } from '../../telemetry/log.ts'
import type { WorkerPool } from '../main/worker-pool.ts'

interface Change {
  readonly level: string
  /** All of them, if absent. */
  readonly scope?: string
}

/**
 * `/logging?level=debug`, `/logging?wasm=trace` or `/logging?paths=wasm:trace,http:debug`, in this thread and in all that serve; answers with the
 * levels of all scopes. All changes are made or none.
 */
export async function logging(query: URLSearchParams, workers: WorkerPool): Promise<string> {
  const changes = [...query].flatMap(([name, value]) => changesOf(name, value))
  const levels = await levelsOfAll(workers)
  for (const { level, scope } of changes) {
    logLevelOf(level)
    if (scope !== undefined && !Object.hasOwn(levels, scope)) {
      throw new Error(`unknown logger «${scope}»; there are ${Object.keys(levels).sort().join(', ')}`)
    }
  }
  for (const { level, scope } of changes) setLogLevel(level, scope)
  if (changes.length > 0) await workers.command({ kind: 'log-levels', levels: chosenLogLevels() })
  const lines = Object.entries(changes.length > 0 ? await levelsOfAll(workers) : levels).sort()
  return `active loggers:\n${lines.map(([name, level]) => `  ${name}: ${level}`).join('\n')}\n`
}

function changesOf(name: string, value: string): Change[] {
  if (name === 'level') return [{ level: value }]
  if (name !== 'paths') return [{ level: value, scope: name }]
  return value.split(',').map((part) => {
    const [scope, level = ''] = part.split(':')
    return { level, scope }
  })
}

/** Scopes are known to the threads that have used them. */
async function levelsOfAll(workers: WorkerPool): Promise<Record<string, string>> {
  return Object.assign({}, ...(await workers.query<Record<string, string>>('log-levels')), logLevels())
}
