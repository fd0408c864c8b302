/** The admin endpoint, with Envoy's paths and formats. Loopback only unless told: whoever reaches it can read all config. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { createServer } from '../../base/node-http.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { WorkerPool } from '../main/worker-pool.ts'
import type { LoadedCertificates } from '../tls/loaded-certificates.ts'
import { certs } from './certs.ts'
import { clustersText } from './clusters.ts'
import { clustersJson } from './clusters-json.ts'
import { type Command, commands, type ProxyState } from './commands.ts'
import { configDump } from './config-dump.ts'
import { listenersJson, listenersText } from './listeners.ts'
import { logging } from './logging.ts'
import { checkParameters, help, PATHS } from './paths.ts'
import { serverInfo } from './server-info.ts'
import { type StatTag, statTags } from './stat-tags.ts'
import { chooseStats, type MergedStats, mergeStats, prometheusText, statsJson, statsText } from './stats.ts'
import { wasmTrace } from './wasm-trace.ts'

interface Answer {
  readonly status?: number
  readonly type?: string
  readonly body: string
}

type Handler = (query: URLSearchParams) => Answer | Promise<Answer>

function prometheus(stats: MergedStats, tags: readonly StatTag[]): Answer {
  return { type: 'text/plain; version=0.0.4', body: prometheusText(stats, tags) }
}

/** Whether POST is wanted. The levels of the log can be read as well. */
function changes({ pathname, search }: URL): boolean {
  return PATHS[pathname].post === true || (pathname === '/logging' && search !== '')
}

export class AdminServer {
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  readonly #handlers: ReadonlyMap<string, Handler>
  readonly #commands: ReadonlyMap<string, Command>
  #address = ''

  constructor(
    config: ConfigManager,
    workers: WorkerPool,
    bootstrap: Bootstrap,
    node: Node,
    drainMs: number,
    quit: () => void,
  ) {
    const begun = Date.now()
    const tags = statTags(bootstrap)
    const state: ProxyState = { healthFailed: false }
    this.#commands = commands(workers, state, config.stats, drainMs, quit)
    const stats = async () => mergeStats(await workers.query('stats'), config, workers, begun, state.healthFailed)
    const json = (value: unknown): Answer => ({ type: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` })
    this.#handlers = new Map<string, Handler>([
      [
        '/ready',
        () => {
          if (!config.ready) return { status: 503, body: 'PRE_INITIALIZING\n' }
          return state.healthFailed ? { status: 503, body: 'DRAINING\n' } : { body: 'LIVE\n' }
        },
      ],
      [
        '/stats',
        async (query) => {
          const chosen = chooseStats(await stats(), query)
          if (query.get('format') === 'prometheus') return prometheus(chosen, tags)
          return query.get('format') === 'json' ? json(statsJson(chosen)) : { body: statsText(chosen) }
        },
      ],
      ['/stats/prometheus', async (query) => prometheus(chooseStats(await stats(), query), tags)],
      [
        '/clusters',
        async (query) => {
          const status = await workers.query<Parameters<typeof clustersText>[0][number]>('clusters')
          const name = new RegExp(query.get('filter') ?? '')
          return query.get('format') === 'json'
            ? json(clustersJson(status, config, name))
            : { body: clustersText(status, config, name) }
        },
      ],
      [
        '/listeners',
        (query) => {
          const list = config.addresses()
          return query.get('format') === 'json' ? json(listenersJson(list)) : { body: listenersText(list) }
        },
      ],
      [
        '/config_dump',
        (query) => {
          const dump = configDump(config, bootstrap, begun, query)
          return typeof dump === 'string' ? { status: 404, body: `${dump}\n` } : json(dump)
        },
      ],
      [
        '/server_info',
        () => json(serverInfo(config, node, begun, { workers: workers.size, drainMs }, state.healthFailed)),
      ],
      // Each worker has the same.
      [
        '/certs',
        async () => json(certs((await workers.query<readonly LoadedCertificates[]>('certificates'))[0] ?? [])),
      ],
      ['/logging', async (query) => ({ body: await logging(query, workers) })],
      ['/wasm/trace', async (query) => ({ body: await wasmTrace(query, workers) })],
      ['/', () => ({ body: help() })],
      ['/help', () => ({ body: help() })],
    ])
  }

  get address(): string {
    return this.#address
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(new SluiceError('SL5003', `${host}:${port}: ${messageOf(error)}`, { where: 'admin' }))
      })
      this.#server.listen(port, host, () => {
        const bound = this.#server.address()
        this.#address = `${host}:${bound !== null && typeof bound === 'object' ? bound.port : port}`
        resolve()
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://admin')
    const handler = this.#handlers.get(url.pathname)
    const command = this.#commands.get(url.pathname)
    let answer: Answer
    try {
      if (command === undefined && handler === undefined) {
        answer = { status: 404, body: `invalid path. admin commands are:\n${help()}` }
      } else if (request.method !== 'POST' && changes(url)) {
        answer = { status: 405, body: `Method ${request.method} not allowed, POST required.` }
      } else {
        checkParameters(url.pathname, url.searchParams)
        if (handler !== undefined) answer = await handler(url.searchParams)
        else {
          await command?.(url.searchParams)
          answer = { body: 'OK\n' }
        }
      }
    } catch (error) {
      answer = { status: 400, body: `${messageOf(error)}\n` }
    }
    response.writeHead(answer.status ?? 200, {
      'content-type': `${answer.type ?? 'text/plain'}; charset=UTF-8`,
      'cache-control': 'no-cache, max-age=0',
    })
    response.end(answer.body)
  }
}
