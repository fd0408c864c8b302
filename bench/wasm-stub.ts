/** The least host around a plugin: what is measured is the Wasm host itself, with all its limits on. */
import { HeaderMap } from '../src/base/header-map.ts'
import {
  type CompiledModule,
  type FilterState,
  type HostServices,
  type HttpStreamHost,
  LocalSharedStore,
  Plugin,
  type PluginConfig,
  systemClock,
  systemTimers,
} from '../src/wasm/index.ts'

const handle = { value: () => 0, add: () => {}, set: () => {}, record: () => {} }

export const stubServices: HostServices = {
  shared: new LocalSharedStore(),
  metrics: { define: () => handle },
  clusters: { has: () => false, httpCall: () => undefined, grpcCall: () => undefined, grpcStream: () => undefined },
  log: { level: 2, log: () => {} },
  clock: systemClock,
  timers: systemTimers,
  attribute: () => undefined,
}

const noState: FilterState = { get: () => undefined, set: () => {} }

/** A stream with 12 request and 8 response headers, as of a browser and an application. */
export class StubStream implements HttpStreamHost {
  readonly requestHeaders: HeaderMap
  readonly responseHeaders: HeaderMap
  readonly requestTrailers = undefined
  readonly responseTrailers = undefined
  readonly requestBody = undefined
  readonly responseBody = undefined
  readonly filterState = noState

  constructor(request: string[], response: string[]) {
    this.requestHeaders = new HeaderMap(request)
    this.responseHeaders = new HeaderMap(response)
    // As the codecs say.
    this.requestHeaders.ascii = true
    this.responseHeaders.ascii = true
  }

  attribute(): undefined {
    return undefined
  }
  addRequestTrailers(): undefined {
    return undefined
  }
  addResponseTrailers(): undefined {
    return undefined
  }
  clearRouteCache(): void {}
  continueRequest(): void {}
  continueResponse(): void {}
  closeStream(): void {}
  sendLocalReply(): void {}
  onPluginFailed(): void {}
}

export const REQUEST = [
  [':method', 'GET'],
  [':path', '/productpage?u=normal'],
  [':scheme', 'http'],
  [':authority', 'bookinfo.example.com'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36'],
  ['accept', 'text/html,application/xhtml+xml'],
  ['accept-language', 'en-GB,en;q=0.9'],
  ['accept-encoding', 'gzip, deflate, br'],
  ['cookie', 'session=0123456789abcdef0123456789abcdef'],
  ['x-forwarded-for', '10.0.0.1'],
  ['x-request-id', '0b5f0c6e-4b0c-4b8e-8b8d-1a2b3c4d5e6f'],
  ['x-forwarded-proto', 'http'],
].flat()

export const RESPONSE = [
  [':status', '200'],
  ['content-type', 'text/html; charset=utf-8'],
  ['content-length', '5183'],
  ['server', 'gunicorn'],
  ['date', 'Sat, 21 Nov 2026 10:00:00 GMT'],
  ['message', 'foo'],
  ['welcome', 'visitor'],
  ['x-envoy-upstream-service-time', '24'],
].flat()

export function startStub(compiled: CompiledModule, config: Partial<PluginConfig> = {}): Plugin {
  return Plugin.start(compiled, { name: 'bench', ...config }, stubServices)
}
