import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { RequestMethod } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import {
  type HealthCheck_HttpHealthCheck,
  HealthCheck_HttpHealthCheckSchema,
} from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import type { Int64Range } from '../../../../gen/envoy/type/v3/range_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import { Agent, request } from '../../../base/node-http.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { bytesMatch } from '../../match/string.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { containsInOrder, payloadBytes } from './payload.ts'
import { openProbe, type Probe, type ProbeFactory, type ProbeOutcome, type ProbeSettings } from './probe.ts'
import { headerText, probeHeader } from './probe-headers.ts'

const FIELDS = [
  'host',
  'path',
  'expected_statuses',
  'retriable_statuses',
  'request_headers_to_add',
  'request_headers_to_remove',
  'method',
  'receive',
  'response_buffer_size',
  'service_name_matcher',
]

const METHODS: ReadonlyMap<number, string> = new Map(Object.entries(RequestMethod).map(([name, n]) => [n, name]))

/** What is asked, and how the answer is judged. */
interface HttpQuestion {
  readonly method: string | undefined
  readonly path: string
  headers(host: EndpointHost): OutgoingHttpHeaders
  judge(answer: IncomingMessage, body: Buffer): ProbeOutcome
  readonly bodyLimit: number
}

/** Asks by HTTP/1.1. */
export function httpProbe(http: HealthCheck_HttpHealthCheck, settings: ProbeSettings): ProbeFactory {
  const { path } = settings
  onlyFields(HealthCheck_HttpHealthCheckSchema, http, FIELDS, path)
  if (http.path === '') throw invalid(`${path}.path`, 'a path is missing')
  if (/[^\x21-\x7e]/.test(http.path))
    throw invalid(`${path}.path`, `${JSON.stringify(http.path)} has characters that must be escaped`)
  // Envoy, too: there is no tunnel that would tell of health.
  if (http.method === RequestMethod.CONNECT) throw invalid(`${path}.method`, 'must not be CONNECT')
  const configuredHost = headerText(http.host, `${path}.host`)
  const clusterName = headerText(settings.clusterName, `${path}.host`)
  const receive = http.receive.map((payload, i) => payloadBytes(payload, `${path}.receive[${i}]`))
  const service = http.serviceNameMatcher && bytesMatch(http.serviceNameMatcher, `${path}.service_name_matcher`)
  const added = Object.fromEntries(
    http.requestHeadersToAdd.map((option, i) => probeHeader(option, `${path}.request_headers_to_add[${i}]`)),
  )
  const removed = new Set(http.requestHeadersToRemove.map((name) => name.toLowerCase()))
  const question: HttpQuestion = {
    method: METHODS.get(http.method || RequestMethod.GET),
    path: http.path,
    bodyLimit: receive.length === 0 ? 0 : Number(http.responseBufferSize ?? 1024n) || Number.POSITIVE_INFINITY,
    headers(host) {
      const { healthHostname, hostname } = host.settings
      const name = byteString(healthHostname) || configuredHost || byteString(hostname) || clusterName
      const all = { host: name, 'user-agent': 'Envoy/HC', ...added }
      return Object.fromEntries(Object.entries(all).filter(([key]) => !removed.has(key.toLowerCase())))
    },
    judge(answer, body) {
      const status = BigInt(answer.statusCode ?? 0)
      const good = http.expectedStatuses.length === 0 ? status === 200n : within(http.expectedStatuses, status)
      if (!good) return within(http.retriableStatuses, status) ? 'failed' : 'unhealthy'
      if (!containsInOrder(body, receive)) return 'unhealthy'
      if (service !== undefined && !service(String(answer.headers['x-envoy-upstream-healthchecked-cluster'] ?? '')))
        return 'unhealthy'
      return answer.headers['x-envoy-degraded'] === undefined ? 'healthy' : 'degraded'
    },
  }
  return (host) => new HttpProbe(host, settings, question)
}

function within(ranges: readonly Int64Range[], status: bigint): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end)
}

class ProbeAgent extends Agent {
  readonly #host: EndpointHost

  constructor(host: EndpointHost, keepAlive: boolean) {
    super({ keepAlive, maxSockets: 1 })
    this.#host = host
  }

  override createConnection(): Socket {
    return openProbe(this.#host)
  }
}

class HttpProbe implements Probe {
  readonly #host: EndpointHost
  readonly #settings: ProbeSettings
  readonly #question: HttpQuestion
  readonly #agent: ProbeAgent
  #call: ClientRequest | undefined
  #timer: NodeJS.Timeout | undefined
  #done: ((outcome: ProbeOutcome) => void) | undefined

  constructor(host: EndpointHost, settings: ProbeSettings, question: HttpQuestion) {
    this.#host = host
    this.#settings = settings
    this.#question = question
    this.#agent = new ProbeAgent(host, settings.reuse)
  }

  check(done: (outcome: ProbeOutcome) => void): void {
    this.#done = done
    const { method, path, bodyLimit } = this.#question
    const call = request({
      host: this.#host.ip,
      port: this.#host.settings.healthPort,
      agent: this.#agent,
      path,
      method,
      headers: this.#question.headers(this.#host),
      setHost: false,
    })
    this.#call = call
    this.#timer = setTimeout(() => call.destroy(new Error('timeout')), this.#settings.timeoutMs)
    call.on('response', (answer) => {
      const chunks: Buffer[] = []
      let length = 0
      answer.on('data', (chunk: Buffer) => {
        if (length < bodyLimit) chunks.push(chunk.subarray(0, bodyLimit - length))
        length += chunk.length
      })
      answer.on('error', () => this.#finish('failed'))
      answer.on('end', () => this.#finish(this.#question.judge(answer, Buffer.concat(chunks))))
    })
    call.on('error', () => this.#finish('failed'))
    call.end()
  }

  close(): void {
    this.#done = undefined
    clearTimeout(this.#timer)
    this.#call?.destroy()
    this.#agent.destroy()
  }

  #finish(outcome: ProbeOutcome): void {
    const done = this.#done
    this.#done = undefined
    clearTimeout(this.#timer)
    done?.(outcome)
  }
}
