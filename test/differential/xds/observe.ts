/** What a proxy shows to who asks it and its admin endpoint, as flat facts. */
import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import type { TLSSocket } from 'node:tls'

export type Facts = ReadonlyMap<string, string>

const PATIENCE_MS = 2000

/** One that a trial may have; `secure`: it speaks TLS. */
export interface Place {
  readonly name: string
  readonly port: number
  readonly secure: boolean
}

export async function requestsTo(host: string, places: readonly Place[], paths: readonly string[]): Promise<Facts> {
  const facts = new Map<string, string>()
  await Promise.all(
    places.flatMap((place) =>
      paths.map(async (path) => facts.set(`request.${place.name} ${path}`, await ask(host, place, path))),
    ),
  )
  return facts
}

function ask(host: string, { port, secure }: Place, path: string): Promise<string> {
  const options = { host, port, path, agent: false, timeout: PATIENCE_MS, headers: { host: 'a.test' } } as const
  return new Promise((resolve) => {
    const call = secure ? requestTls({ ...options, rejectUnauthorized: false }) : request(options)
    call.on('response', (response) => {
      const socket = response.socket as TLSSocket
      const peer = secure ? ` ${socket.getPeerCertificate().subject?.CN}` : ''
      let body = ''
      response.setEncoding('latin1').on('data', (data: string) => (body += data))
      response.on('end', () => {
        const by = response.headers['x-up']
        resolve(`${response.statusCode} ${by ?? body.slice(0, 40)}${peer}`)
      })
      response.on('error', () => resolve('broken'))
    })
    call.on('timeout', () => call.destroy(Object.assign(new Error('silent'), { code: 'silent' })))
    call.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : ended(error)),
    )
    call.end()
  })
}

function ended({ code }: NodeJS.ErrnoException): string {
  return code === 'silent' ? code : 'closed'
}

type Admin = (path: string) => Promise<string>

/** Versions and states by `/config_dump`, of what has a name of the trial. */
export async function dumped(admin: Admin, id: string): Promise<Facts> {
  const facts = new Map<string, string>()
  const { configs } = JSON.parse(await admin('/config_dump')) as { configs: Dumped[] }
  const put = (state: string, name: string | undefined, version: string | undefined) => {
    if (name?.startsWith(id) === true) facts.set(`dump.${state} ${name}`, version ?? '')
  }
  for (const dump of configs) {
    for (const one of dump.dynamic_active_clusters ?? []) put('cluster.active', one.cluster.name, one.version_info)
    for (const one of dump.dynamic_warming_clusters ?? []) put('cluster.warming', one.cluster.name, one.version_info)
    for (const one of dump.dynamic_listeners ?? []) {
      for (const state of ['active_state', 'warming_state', 'draining_state'] as const)
        if (one[state] !== undefined) put(`listener.${state}`, one.name, one[state].version_info)
      if (one.error_state !== undefined) put('listener.error_state', one.name, one.error_state.version_info)
    }
    for (const one of dump.dynamic_route_configs ?? []) put('routes', one.route_config.name, one.version_info)
    for (const one of dump.dynamic_active_secrets ?? []) put('secret.active', one.name, one.version_info)
    for (const one of dump.dynamic_warming_secrets ?? []) put('secret.warming', one.name, one.version_info)
    for (const one of dump.ecds_filters ?? []) put('ecds', one.ecds_filter?.name, one.version_info)
  }
  return facts
}

interface Versioned {
  readonly version_info?: string
}

interface Dumped {
  readonly dynamic_active_clusters?: (Versioned & { cluster: { name: string } })[]
  readonly dynamic_warming_clusters?: (Versioned & { cluster: { name: string } })[]
  readonly dynamic_listeners?: {
    name: string
    active_state?: Versioned
    warming_state?: Versioned
    draining_state?: Versioned
    error_state?: Versioned
  }[]
  readonly dynamic_route_configs?: (Versioned & { route_config: { name: string } })[]
  readonly dynamic_active_secrets?: (Versioned & { name: string })[]
  readonly dynamic_warming_secrets?: (Versioned & { name: string })[]
  readonly ecds_filters?: (Versioned & { ecds_filter?: { name: string } })[]
}

interface Statuses {
  readonly cluster_statuses?: {
    name: string
    host_statuses?: {
      address: { socket_address?: { port_value: number } }
      weight?: number
      health_status?: { eds_health_status?: string }
    }[]
  }[]
}

/** Hosts by `/clusters`. */
export async function hosts(admin: Admin, id: string, upstreams: ReadonlyMap<number, string>): Promise<Facts> {
  const { cluster_statuses: all = [] } = JSON.parse(await admin('/clusters?format=json')) as Statuses
  return new Map(
    all
      .filter(({ name }) => name.startsWith(id))
      .map(({ name, host_statuses: found = [] }) => {
        const told = found.map(({ address, weight, health_status: health }) => {
          const port = address.socket_address?.port_value ?? 0
          return `${upstreams.get(port) ?? 'nowhere'}/${weight}/${health?.eds_health_status}`
        })
        return [`hosts ${name}`, told.sort().join(' ')]
      }),
  )
}

/** Counters and gauges about configuration. */
export async function counted(admin: Admin, id: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const [, name, value] of (await admin('/stats')).matchAll(/^(\S+): (\d+)$/gm)) {
    if (name.endsWith('.update_time')) continue
    if (GLOBAL.test(name) || (name.includes(id) && OF_ONE.test(name))) found.set(name, Number(value))
  }
  return found
}

const GLOBAL = /^(cluster_manager|listener_manager|control_plane)\./
const OF_ONE =
  /^(cluster\.[^.]*\.(update_|membership_|init_fetch|assignment_|warming_)|http\.[^.]*\.rds\.|sds\.|extension_config_discovery\.|listener\..*by_sds)/
