/** What there is at the admin address: for `/help`, and so that nothing that is asked for is ignored. */

interface Parameter {
  readonly name: string
  readonly does: string
  /** It is one of these; anything, if absent. */
  readonly values?: readonly string[]
}

interface Path {
  readonly does: string
  readonly post?: true
  /** Absent: its parameters are whatever the handler takes. */
  readonly parameters?: readonly Parameter[]
}

const FILTER: Parameter = { name: 'filter', does: 'a regular expression that the name has a match of' }
const USED: Parameter = { name: 'usedonly', does: 'only what has counted anything' }
const NONE: readonly Parameter[] = []

const format = (...values: string[]): Parameter => ({ name: 'format', does: 'text unless told', values })

export const PATHS: Readonly<Record<string, Path>> = {
  '/': { does: 'this page', parameters: NONE },
  '/certs': { does: 'the certificates in use and trusted, and when they expire', parameters: NONE },
  '/clusters': { does: 'clusters with their hosts and limits', parameters: [FILTER, format('text', 'json')] },
  '/config_dump': {
    does: 'the configuration in force, what waits, and what was refused',
    parameters: [
      { name: 'resource', does: 'one list of it: dynamic_listeners, dynamic_active_clusters, …' },
      { name: 'name_regex', does: 'a regular expression that the name has a match of' },
      { name: 'include_eds', does: 'endpoints as well' },
    ],
  },
  '/drain_listeners': {
    does: 'stops accepting connections and ends those that there are',
    post: true,
    parameters: [
      { name: 'graceful', does: 'requests under way have the drain time' },
      { name: 'inboundonly', does: 'only listeners for inbound traffic' },
    ],
  },
  '/healthcheck/fail': { does: 'fails the health checks that the proxy answers', post: true, parameters: NONE },
  '/healthcheck/ok': { does: 'passes them again', post: true, parameters: NONE },
  '/help': { does: 'this page', parameters: NONE },
  '/listeners': { does: 'listeners with their addresses', parameters: [format('text', 'json')] },
  '/logging': {
    does: 'the levels of the log; by POST ?<logger>=<level>, ?level=<level> for all, or ?paths=<logger>:<level>,… changes them',
  },
  '/quitquitquit': { does: 'ends the proxy', post: true, parameters: NONE },
  '/ready': { does: 'LIVE, or 503 and what it waits for', parameters: NONE },
  '/reopen_logs': { does: 'opens access logs anew, after a rotation', post: true, parameters: NONE },
  '/reset_counters': { does: 'sets all counters to 0', post: true, parameters: NONE },
  '/server_info': { does: 'version, state and node', parameters: NONE },
  '/stats': {
    does: 'statistics',
    parameters: [
      FILTER,
      USED,
      { name: 'type', does: 'All unless told', values: ['All', 'Counters', 'Gauges', 'Histograms'] },
      format('text', 'json', 'prometheus'),
    ],
  },
  '/stats/prometheus': { does: "statistics in Prometheus' format", parameters: [FILTER, USED] },
  '/wasm/trace': {
    does: 'writes the host calls of an extension to the log',
    post: true,
    parameters: [
      { name: 'extension', does: 'its name' },
      { name: 'enable', does: 'on or off', values: ['true', 'false'] },
    ],
  },
}

/** Throws where a parameter is asked for that the path does not have, or a value that it does not take. */
export function checkParameters(path: string, query: URLSearchParams): void {
  const known = PATHS[path].parameters
  if (known === undefined) return
  for (const [name, value] of query) {
    const parameter = known.find((one) => one.name === name)
    if (parameter === undefined) {
      const there = known.length === 0 ? 'no parameters' : known.map((one) => one.name).join(', ')
      throw new Error(`${path} has no parameter «${name}»; there are ${there}`)
    }
    const { values } = parameter
    if (values !== undefined && !values.includes(value)) {
      throw new Error(`${path} knows no ${name} «${value}»; there are ${values.join(', ')}`)
    }
  }
}

/** `/help`: each path with its parameters. */
export function help(): string {
  const lines: string[] = []
  for (const [path, { does, post, parameters = NONE }] of Object.entries(PATHS)) {
    lines.push(`${path}${post === true ? ' (POST)' : ''}: ${does}`)
    for (const { name, does: what, values } of parameters) {
      lines.push(`    ${name}: ${what}${values === undefined ? '' : ` (${values.join(', ')})`}`)
    }
  }
  return `${lines.join('\n')}\n`
}
