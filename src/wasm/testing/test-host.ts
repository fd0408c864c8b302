import type { HeaderMap } from '../../base/header-map.ts'
import { LOG_LEVELS, type LogLevel, METRIC } from '../abi/constants.ts'
import type { AttributeValue } from '../attributes/value.ts'
import { type CompiledModule, compileModuleSync } from '../compile.ts'
import type {
  Callout,
  Clusters,
  GrpcCallout,
  GrpcEvents,
  HostServices,
  HttpCallout,
  HttpCalloutResult,
  MetricHandle,
  PluginEvent,
  ResolvedAddress,
} from '../host.ts'
import type { Limits } from '../limits.ts'
import { Plugin } from '../plugin.ts'
import type { PluginConfig } from '../plugin-config.ts'
import { LocalSharedStore } from '../services/local-shared-store.ts'
import { VmCache } from '../vm-cache.ts'
import { ManualClock } from './manual-clock.ts'
import { Recorder, type TraceEntry } from './recorder.ts'
import { TestStream } from './test-stream.ts'

interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly plugin: string
}

/** A callout that a plugin has made and that waits for the test's answer. */
interface PendingHttpCall {
  readonly call: HttpCallout
  cancelled: boolean
  readonly answer: (result: HttpCalloutResult) => void
}

/** A name that a plugin has asked DNS for. */
interface PendingLookup {
  readonly name: string
  readonly answer: (found: readonly ResolvedAddress[] | undefined) => void
  cancelled: boolean
}

interface PendingGrpcCall {
  readonly call: GrpcCallout
  /** How many bytes the cluster has not taken, as a test will have it. */
  waiting: number
  readonly sent: { readonly message: Uint8Array; readonly endStream: boolean }[]
  cancelled: boolean
  readonly timeoutMs: number
  readonly events: GrpcEvents
}

/** What a test gives to the host that it runs plugins on. */
export interface TestHostOptions {
  /** Names that callouts may go to; `httpbin` and `cluster` unless told. */
  readonly clusters?: readonly string[]
  /** Attributes without a stream, by `group.name`. */
  readonly attributes?: ReadonlyMap<string, AttributeValue>
  readonly limits?: Partial<Limits>
  readonly logLevel?: LogLevel
  /** Record host calls and callbacks in `trace`. */
  readonly trace?: boolean
}

/**
 * Everything around a plugin, in memory, with a clock that stands still until it is moved.
 *
 * ```ts
 * const host = createTestHost()
 * const plugin = host.start(readFileSync('filter.wasm'), { name: 'demo', configuration: '{"header":"x-demo"}' })
 * const stream = host.stream(plugin)
 * stream.request([[':path', '/a'], ['user-agent', 'test']])   // 'continue' | 'stopped' | 'replied' | 'reset'
 * stream.response([['content-type', 'text/html']], false)
 * stream.responseData('<html>')
 * stream.finish()
 * stream.responseHeaders?.get('x-demo')                       // what the plugin made of it
 * host.logs; host.metrics; host.httpCalls; host.trace          // what it did
 * host.httpCalls[0].answer({ headers: HeaderMap.of([[':status', '200']]), body: Buffer.from('ok'), trailers: undefined })
 * host.advance(10_000)                                        // timers and ticks
 * ```
 */
export class TestHost implements HostServices {
  readonly logs: LogLine[] = []
  readonly metrics: Map<string, TestMetric> & { define(type: number, name: string): MetricHandle }
  readonly httpCalls: PendingHttpCall[] = []
  readonly lookups: PendingLookup[] = []
  readonly grpcCalls: PendingGrpcCall[] = []
  readonly events: { readonly plugin: string; readonly event: PluginEvent }[] = []
  readonly shared = new LocalSharedStore()
  readonly vms = new VmCache()
  readonly clock = new ManualClock()
  readonly timers = this.clock
  readonly log: HostServices['log']
  readonly clusters: Clusters
  readonly #options: TestHostOptions
  readonly #recorder = new Recorder()

  constructor(options: TestHostOptions = {}) {
    this.#options = options
    this.metrics = new TestMetrics()
    this.log = {
      level: LOG_LEVELS.indexOf(options.logLevel ?? 'trace'),
      log: (level, message, plugin) => this.logs.push({ level, message, plugin: plugin.name }),
    }
    this.clusters = this.#makeClusters(new Set(options.clusters ?? ['httpbin', 'cluster']))
  }

  compile(module: Uint8Array): CompiledModule {
    return compileModuleSync(module, this.#options.limits)
  }

  /** Starts a plugin; throws SluiceError as `Plugin.start` does. Plugins of one host share VMs as those of one worker do. */
  start(module: Uint8Array | CompiledModule, config: Partial<PluginConfig> = {}): Plugin {
    const compiled = module instanceof Uint8Array ? this.compile(module) : module
    const trace = this.#options.trace === true ? this.#recorder : undefined
    return Plugin.start(compiled, { name: 'test', ...config }, this, this.vms, trace)
  }

  stream(plugin: Plugin): TestStream {
    const stream = new TestStream()
    stream.context = plugin.createHttpContext(stream)
    return stream
  }

  get trace(): readonly TraceEntry[] {
    return this.#recorder.entries
  }

  /** What a plugin wrote, `level: message`. */
  get logText(): string[] {
    return this.logs.map(({ level, message }) => `${level}: ${message}`)
  }

  /** Lets time pass; timers that fall due run in order. */
  advance(ms: number): void {
    this.clock.advance(ms)
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    return this.#options.attributes?.get(`${group}.${name}`)
  }

  count(plugin: string, event: PluginEvent): void {
    this.events.push({ plugin, event })
  }

  resolveDns(name: string, answer: PendingLookup['answer']): Callout {
    const pending: PendingLookup = { name, answer, cancelled: false }
    this.lookups.push(pending)
    return { cancel: () => (pending.cancelled = true) }
  }

  #makeClusters(names: ReadonlySet<string>): Clusters {
    const grpc = (call: GrpcCallout, timeoutMs: number, events: GrpcEvents): PendingGrpcCall => {
      const pending: PendingGrpcCall = { call, waiting: 0, sent: [], cancelled: false, timeoutMs, events }
      this.grpcCalls.push(pending)
      return pending
    }
    return {
      has: (name) => names.has(name),
      httpCall: (call, answer) => {
        const pending: PendingHttpCall = { call, answer, cancelled: false }
        this.httpCalls.push(pending)
        return { cancel: () => (pending.cancelled = true) }
      },
      grpcCall: (call, message, timeoutMs, events) => {
        const none = (_metadata: HeaderMap) => {}
        const pending = grpc(call, timeoutMs, { onInitialMetadata: none, onTrailingMetadata: none, ...events })
        pending.sent.push({ message, endStream: true })
        return { cancel: () => (pending.cancelled = true) }
      },
      grpcStream: (call, events) => {
        const pending = grpc(call, 0, events)
        return {
          get waiting() {
            return pending.waiting
          },
          send: (message = new Uint8Array(), endStream) => pending.sent.push({ message, endStream }),
          cancel: () => (pending.cancelled = true),
        }
      },
    }
  }
}

/** A host for tests and tools: see `TestHost`. */
export function createTestHost(options: TestHostOptions = {}): TestHost {
  return new TestHost(options)
}

/** One metric and everything that was recorded into it. */
class TestMetric implements MetricHandle {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly recorded: number[] = []
  #value = 0

  constructor(type: number) {
    this.type = type === METRIC.counter ? 'counter' : type === METRIC.gauge ? 'gauge' : 'histogram'
  }

  value(): number {
    return this.#value
  }

  add(amount: number): void {
    this.#value += amount
  }

  set(value: number): void {
    this.#value = value
  }

  record(value: number): void {
    this.recorded.push(value)
  }
}

class TestMetrics extends Map<string, TestMetric> {
  define(type: number, name: string): MetricHandle {
    let metric = this.get(name)
    if (metric === undefined) {
      metric = new TestMetric(type)
      this.set(name, metric)
    }
    return metric
  }
}
