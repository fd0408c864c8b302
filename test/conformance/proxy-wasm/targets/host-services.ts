import { HeaderMap } from '../../../../src/base/header-map.ts'
import { Registry } from '../../../../src/telemetry/metrics.ts'
import {
  type AttributeValue,
  type Callout,
  type Clusters,
  type GrpcCallout,
  type GrpcEvents,
  type HostServices,
  type HttpCallout,
  type HttpCalloutResult,
  LocalSharedStore,
  RegistryMetrics,
  Struct,
  systemClock,
  systemTimers,
} from '../../../../src/wasm/index.ts'

const NODE = new Struct({
  id: 'node-1',
  cluster: 'cluster-1',
  metadata: { TEAM: 'red', LABELS: { app: 'probe' } },
  locality: { region: 'r1' },
})

/** What the plugins of a run share, with clusters that answer as the services behind Envoy do (services.ts). */
export function hostServices(lines: (plugin: string, line: string) => void): HostServices {
  return {
    shared: new LocalSharedStore(),
    metrics: new RegistryMetrics(new Registry()),
    clusters: CLUSTERS,
    clock: systemClock,
    timers: systemTimers,
    log: {
      level: 0,
      log: (level, message, plugin) =>
        lines(plugin.name, level === 'info' ? message : `${level === 'warn' ? 'warning' : level}: ${message}`),
    },
    attribute: (group, name): AttributeValue | undefined => {
      return group === 'xds' && name === 'node' ? NODE : undefined
    },
  }
}

const CLUSTERS: Clusters = {
  has: (name) => ['upstream', 'grpc', 'echo', 'empty', 'refusing'].includes(name),
  httpCall,
  grpcCall: (call, message, timeoutMs, events) => {
    const none = () => {}
    const stream = grpc(call, { onInitialMetadata: none, onTrailingMetadata: none, ...events }, timeoutMs)
    stream?.send(message, true)
    return stream
  },
  grpcStream: (call, events) => grpc(call, events, 0),
}

function httpCall(call: HttpCallout, done: (result: HttpCalloutResult) => void): Callout | undefined {
  const code = Number(/^\/callout\/(\d+)/.exec(call.headers.get(':path') ?? '')?.[1] ?? 200)
  const answer = (status: number, body: string): HttpCalloutResult => ({
    headers: HeaderMap.of([[':status', String(status)]]),
    body: Buffer.from(body),
    trailers: undefined,
  })
  const hangs = code === 1
  const result =
    call.cluster !== 'upstream' || code === 0
      ? answer(503, 'upstream connect error')
      : hangs
        ? answer(504, 'upstream request timeout')
        : answer(code, `called ${Buffer.from(call.body).toString('latin1')}`)
  const timer = setTimeout(() => done(result), hangs ? call.timeoutMs : 5)
  return { cancel: () => clearTimeout(timer) }
}

/** The methods of the gRPC service by name: Echo, Fail, Hang. */
function grpc(
  call: GrpcCallout,
  events: GrpcEvents,
  timeoutMs: number,
): { waiting: number; send(message: Uint8Array | undefined, end: boolean): void; cancel(): void } | undefined {
  let over = false
  const close = (status: number, message: string) => {
    if (over) return
    over = true
    events.onClose(status, message)
  }
  const later = (work: () => void, ms = 5) => {
    setTimeout(() => {
      if (!over) work()
    }, ms)
  }
  if (call.cluster === 'empty') later(() => close(14, 'no healthy upstream'))
  else if (call.method === 'Fail') later(() => close(7, 'not you'))
  if (call.method === 'Hang' && timeoutMs > 0) later(() => close(14, 'HTTP status 504'), timeoutMs)
  if (call.method === 'Echo') later(() => events.onInitialMetadata(HeaderMap.of([['x-initial', 'i1']])))
  return {
    waiting: 0,
    send: (message, end) => {
      if (call.method !== 'Echo') return
      if (message !== undefined) later(() => events.onMessage(message))
      if (!end) return
      later(() => {
        events.onTrailingMetadata(HeaderMap.of([['x-trailing', 't1']]))
        close(0, '')
      })
    },
    cancel: () => {
      over = true
    },
  }
}
