import { request } from 'node:http'
import type { Socket } from 'node:net'
import {
  type HealthCheck,
  HealthCheck_HttpHealthCheckSchema,
  HealthCheckSchema,
} from '../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { durationMs, onlyFields, unsupported } from '../config/fields.ts'
import type { Cluster } from './cluster.ts'
import { openSocket } from './connecting.ts'
import { type EndpointHost, Unhealthy } from './endpoint-host.ts'
import type { UpstreamTls } from './upstream-tls.ts'

type Probe = (host: EndpointHost, done: (healthy: boolean) => void) => () => void

interface Watched {
  timer: NodeJS.Timeout | undefined
  cancel: (() => void) | undefined
  good: number
  bad: number
  /** The first answer decides alone (Envoy: no thresholds before the first). */
  first: boolean
}

const FIELDS = [
  'timeout',
  'interval',
  'initial_jitter',
  'interval_jitter',
  'unhealthy_threshold',
  'healthy_threshold',
  'http_health_check',
  'tcp_health_check',
  'no_traffic_interval',
  'unhealthy_interval',
  'reuse_connection',
]

/** Active health checks of one cluster: HTTP or TCP. */
export class HealthChecker {
  readonly #cluster: Cluster
  readonly #probe: Probe
  readonly #intervalMs: number
  readonly #healthyThreshold: number
  readonly #unhealthyThreshold: number
  readonly #watched = new Map<EndpointHost, Watched>()

  constructor(checks: readonly HealthCheck[], cluster: Cluster, tls: UpstreamTls | undefined, path: string) {
    const where = `${path}.health_checks`
    if (checks.length > 1) throw unsupported(where, 'more than one health check')
    const check = checks[0]
    onlyFields(HealthCheckSchema, check, FIELDS, `${where}[0]`)
    this.#cluster = cluster
    this.#intervalMs = durationMs(check.interval, 1000)
    this.#healthyThreshold = check.healthyThreshold ?? 1
    this.#unhealthyThreshold = check.unhealthyThreshold ?? 1
    this.#probe = probe(check, cluster, tls, `${where}[0]`)
  }

  added(host: EndpointHost): void {
    // Nobody knows yet: no traffic before the first answer, unless all are so (panic).
    host.unhealthy |= Unhealthy.ActiveCheck
    const watched: Watched = { timer: undefined, cancel: undefined, good: 0, bad: 0, first: true }
    this.#watched.set(host, watched)
    process.nextTick(() => this.#check(host, watched))
  }

  removed(host: EndpointHost): void {
    const watched = this.#watched.get(host)
    clearTimeout(watched?.timer)
    watched?.cancel?.()
    this.#watched.delete(host)
  }

  close(): void {
    for (const host of [...this.#watched.keys()]) this.removed(host)
  }

  #check(host: EndpointHost, watched: Watched): void {
    if (this.#watched.get(host) !== watched) return
    watched.cancel = this.#probe(host, (healthy) => {
      watched.cancel = undefined
      if (this.#watched.get(host) !== watched) return
      this.#result(host, watched, healthy)
      watched.timer = setTimeout(() => this.#check(host, watched), this.#intervalMs).unref()
    })
  }

  #result(host: EndpointHost, watched: Watched, healthy: boolean): void {
    const { stats } = this.#cluster
    const before = host.unhealthy
    if (healthy) {
      stats.checkSuccess.value++
      watched.bad = 0
      if (++watched.good >= this.#healthyThreshold || watched.first) host.unhealthy &= ~Unhealthy.ActiveCheck
    } else {
      stats.checkFailure.value++
      watched.good = 0
      if (++watched.bad >= this.#unhealthyThreshold || watched.first) host.unhealthy |= Unhealthy.ActiveCheck
    }
    watched.first = false
    if (host.unhealthy !== before) this.#cluster.rebuild()
  }
}

function probe(check: HealthCheck, cluster: Cluster, tls: UpstreamTls | undefined, path: string): Probe {
  const timeoutMs = durationMs(check.timeout, 1000)
  const kind = check.healthChecker
  if (kind.case === 'tcpHealthCheck') {
    if (kind.value.send !== undefined || kind.value.receive.length > 0)
      throw unsupported(`${path}.tcp_health_check`, 'send and receive')
    return (host, done) => tcpProbe(host, tls, timeoutMs, done)
  }
  if (kind.case !== 'httpHealthCheck')
    throw unsupported(`${path}.${kind.case ?? 'health_checker'}`, 'only HTTP and TCP are supported')
  const http = kind.value
  onlyFields(
    HealthCheck_HttpHealthCheckSchema,
    http,
    ['host', 'path', 'expected_statuses', 'request_headers_to_add', 'method'],
    `${path}.http_health_check`,
  )
  const expected = http.expectedStatuses.length === 0 ? [{ start: 200n, end: 201n }] : http.expectedStatuses
  const headers = Object.fromEntries(http.requestHeadersToAdd.map((o) => [o.header?.key ?? '', o.header?.value ?? '']))
  return (host, done) => {
    let open = true
    const finish = (healthy: boolean) => {
      if (!open) return
      open = false
      done(healthy)
    }
    const call = request({
      host: host.ip,
      port: host.settings.healthPort,
      path: http.path,
      timeout: timeoutMs,
      headers: { host: http.host || host.hostname || cluster.name, 'user-agent': 'Envoy/HC', ...headers },
      createConnection: () => openProbe(host, tls),
    })
    call.on('response', (response) => {
      response.resume()
      const status = BigInt(response.statusCode ?? 0)
      finish(expected.some(({ start, end }) => status >= start && status < end))
    })
    call.on('timeout', () => call.destroy(new Error('timeout')))
    call.on('error', () => finish(false))
    call.end()
    return () => call.destroy()
  }
}

/** A connection of the checker's own: it is made for nobody, and PROXY protocol says so. */
function openProbe(host: EndpointHost, tls: UpstreamTls | undefined): Socket {
  const { proxyHeader } = (host.cluster as Cluster).config
  return openSocket(host, tls, proxyHeader?.(undefined), host.settings.healthPort)
}

function tcpProbe(
  host: EndpointHost,
  tls: UpstreamTls | undefined,
  timeoutMs: number,
  done: (healthy: boolean) => void,
): () => void {
  const socket = openProbe(host, tls)
  let open = true
  const finish = (healthy: boolean) => {
    if (!open) return
    open = false
    clearTimeout(timer)
    socket.destroy()
    done(healthy)
  }
  const timer = setTimeout(finish, timeoutMs, false)
  socket.on('error', () => finish(false))
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => finish(true))
  return () => {
    open = false
    clearTimeout(timer)
    socket.destroy()
  }
}
