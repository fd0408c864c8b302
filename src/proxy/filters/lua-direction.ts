import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { timeHasPassed } from '../../base/read-clock.ts'
import {
  type LuaCall,
  LuaHeaders,
  type LuaInfoName,
  type LuaLogLevel,
  type LuaRun,
  type LuaStreamHost,
  type LuaTls,
  type LuaVm,
  type LuaWait,
  pushBody,
  pushCallResult,
  pushChunk,
  pushHeaders,
} from '../../lua/index.ts'
import { type AsyncResponse, type AsyncStream, asyncRequest } from '../cluster/async-client.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilterCallbacks,
} from '../http/filter.ts'
import type { LuaSettings, RouteScript } from './lua.ts'

type Push = Parameters<LuaRun['resume']>[0]

/** One direction of one stream: what the script waits for, and what arrives. */
export class LuaDirection implements LuaStreamHost {
  readonly isResponse: boolean
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: LuaSettings
  readonly #vm: LuaVm
  #headers!: LuaHeaders
  /** Of the request's headers, when the route was last found. */
  #version = 0
  #run: LuaRun | undefined
  #wait: LuaWait | undefined
  #ended = false
  #trailers: LuaHeaders | undefined
  bodySeen = false
  /** The call that is waited for is to give lists of values. */
  #listsCall = false
  /** The script has asked for the whole body. */
  #buffers = false
  #call: AsyncStream | undefined
  /** Within a callback of the chain: its return value says whether to go on. */
  #inCallback = false

  constructor(callbacks: HttpFilterCallbacks, settings: LuaSettings, vm: LuaVm, isResponse: boolean) {
    this.#callbacks = callbacks
    this.#settings = settings
    this.#vm = vm
    this.isResponse = isResponse
  }

  onHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    this.#headers = new LuaHeaders(headers, !this.isResponse)
    this.#version = headers.version
    this.#ended = endStream
    this.#settings.executions.value++
    this.#inCallback = true
    this.#run = this.#vm.start(this.isResponse ? 'envoy_on_response' : 'envoy_on_request', this)
    this.#resume()
    this.#inCallback = false
    // Whoever waits for chunks or trailers lets the headers go; whoever waits for all of the body may still change them.
    this.#headers.fixed = !this.#holds
    return this.#headers.fixed ? FilterHeadersStatus.Continue : FilterHeadersStatus.StopIteration
  }

  onData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#run === undefined || this.#run.state !== 'waiting') return FilterDataStatus.Continue
    this.#ended = endStream
    this.bodySeen = true
    this.#inCallback = true
    const wait = this.#wait
    if (wait?.for === 'chunk') {
      this.#resume((L) => pushChunk(L, this, data))
      // An iterator that asks for one more at the end is told that there is none.
      if (endStream && this.#wait?.for === 'chunk') this.#resume((L) => pushChunk(L, this, undefined))
    } else if (wait?.for === 'body' && endStream) {
      this.#hold(data)
      this.#resume((L) => pushBody(L, this, wait.wrap))
    } else if (wait?.for === 'trailers' && endStream) this.#resume(pushNothing)
    this.#inCallback = false
    if (this.#holds) return FilterDataStatus.StopIterationAndBuffer
    this.#headers.fixed = true
    return FilterDataStatus.Continue
  }

  onTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (this.#run === undefined || this.#run.state !== 'waiting') return FilterTrailersStatus.Continue
    this.#ended = true
    this.#trailers = new LuaHeaders(trailers)
    this.#inCallback = true
    if (this.#wait?.for === 'chunk') this.#resume((L) => pushChunk(L, this, undefined))
    else if (this.#wait?.for === 'body') {
      const { wrap } = this.#wait
      this.#resume((L) => pushBody(L, this, wrap))
    }
    if (this.#wait?.for === 'trailers') this.#resume((L) => pushHeaders(L, this.#trailers as LuaHeaders))
    this.#inCallback = false
    if (this.#holds) return FilterTrailersStatus.StopIteration
    this.#headers.fixed = true
    return FilterTrailersStatus.Continue
  }

  cancel(): void {
    this.#call?.reset()
    this.#run?.cancel()
  }

  get #holds(): boolean {
    if (this.#run?.state !== 'waiting') return false
    const kind = this.#wait?.for
    return kind === 'body' || kind === 'call' || kind === 'nothing'
  }

  #resume(push?: Push): void {
    const run = this.#run as LuaRun
    this.#wait = undefined
    const state = run.resume(push)
    timeHasPassed()
    this.#noticeHeaders()
    if (state !== 'failed') return
    // As Envoy: a script that fails is over, the stream goes on.
    this.#settings.errors.value++
    this.#settings.context.log.error({ filter: this.#settings.context.filterName }, `script log: ${run.error}`)
  }

  /** As in Envoy: whoever changes headers of the request wants the route that they lead to. */
  #noticeHeaders(): void {
    if (this.isResponse || !this.#settings.clearsRoute || this.#headers.map.version === this.#version) return
    this.#version = this.#headers.map.version
    this.#callbacks.clearRouteCache()
  }

  /** From outside of a callback of the chain. */
  #wake(push: Push): void {
    if (this.#run?.state !== 'waiting') return
    this.#resume(push)
    if (this.#holds || this.#inCallback) return
    this.#headers.fixed = true
    if (this.isResponse) this.#callbacks.continueEncoding()
    else this.#callbacks.continueDecoding()
  }

  #hold(data: BodyBuffer): void {
    if (this.isResponse) this.#callbacks.addEncodedData(data)
    else this.#callbacks.addDecodedData(data)
  }

  // What the script sees

  get headers(): LuaHeaders {
    return this.#headers
  }

  get ended(): boolean {
    return this.#ended
  }

  get body(): BodyBuffer | undefined {
    if (!this.#ended) return undefined
    return this.isResponse ? this.#callbacks.encodingBuffer : this.#callbacks.decodingBuffer
  }

  addBody(): BodyBuffer {
    const empty = new BodyBuffer()
    // What is added between body and trailers goes on at once.
    if (this.#trailers === undefined) this.#hold(empty)
    return this.body ?? empty
  }

  get bodyPassed(): boolean {
    return this.bodySeen && !this.#buffers
  }

  get trailers(): LuaHeaders | undefined {
    return this.#trailers
  }

  get metadata(): Readonly<Record<string, unknown>> {
    this.#noticeHeaders()
    return this.#own(this.#callbacks.route()?.metadata)
  }

  get virtualHostMetadata(): Readonly<Record<string, unknown>> {
    return this.#own(this.#callbacks.route()?.virtualHostMetadata)
  }

  /** The filter's namespace. */
  #own(metadata: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    const own = metadata[this.#settings.context.filterName] ?? metadata['envoy.filters.http.lua']
    return (own ?? {}) as Record<string, unknown>
  }

  get filterContext(): Readonly<Record<string, unknown>> {
    return this.#callbacks.routeConfig<RouteScript>()?.context ?? {}
  }

  filterState(name: string): string | undefined {
    return this.#callbacks.streamInfo.filterState?.get(name)?.latin1Slice()
  }

  get dynamicNamespaces(): readonly string[] {
    return [...(this.#callbacks.streamInfo.dynamicMetadata?.keys() ?? [])]
  }

  get tls(): LuaTls | undefined {
    const { tls } = this.#callbacks.streamInfo.connection
    if (tls === undefined) return undefined
    return {
      mtls: tls.mtls,
      presented: tls.peer !== undefined,
      version: tls.version,
      cipher: tls.cipher,
      peerSubject: tls.peer?.subject ?? '',
      peerUriSans: tls.peer?.uriSans ?? [],
      peerDnsSans: tls.peer?.dnsSans ?? [],
      peerSha256: tls.peer?.sha256 ?? '',
      peerIssuer: tls.peer?.issuer ?? '',
      peerSerial: tls.peer?.serial ?? '',
      peerPem: encodeURIComponent(tls.peer?.pem ?? ''),
      localSubject: tls.local?.subject ?? '',
      localUriSans: tls.local?.uriSans ?? [],
      localDnsSans: tls.local?.dnsSans ?? [],
      sessionId: tls.sessionId,
    }
  }

  log(level: LuaLogLevel, message: string): void {
    const { log, filterName } = this.#settings.context
    log[level]({ filter: filterName }, `script log: ${message}`)
  }

  wait(wait: LuaWait): void {
    this.#wait = wait
    if (wait.for === 'body') this.#buffers = true
    this.#listsCall = wait.for === 'call' && wait.lists
  }

  call(call: LuaCall): boolean {
    const { clusters } = this.#settings.context
    if (!clusters.hasCluster(call.cluster)) return false
    const body = BodyBuffer.of(Buffer.from(call.body, 'latin1'))
    const answered = (response: AsyncResponse | undefined) => {
      if (call.async) return
      this.#call = undefined
      this.#wake((L) => {
        // What Envoy's async client makes of a broken stream.
        const lists = this.#listsCall
        if (response === undefined) return pushCallResult(L, unavailable(), Buffer.from('upstream failure'), lists)
        return pushCallResult(L, response.headers, response.body.linearize(), lists)
      })
    }
    const { cluster, headers, timeoutMs } = call
    const span = this.#callbacks.traceCall(headers, cluster)
    const stream = asyncRequest(clusters, cluster, headers, body, undefined, timeoutMs, answered, span)
    if (!call.async) this.#call = stream
    return true
  }

  respond(headers: readonly (readonly [string, string])[], body: string): void {
    const status = Number(headers.find(([name]) => name === ':status')?.[1])
    this.#callbacks.sendLocalReply(status, body, {
      details: 'lua_response',
      modifyHeaders: (reply) => {
        for (const [name, value] of headers) if (name !== ':status' && name !== 'content-length') reply.add(name, value)
      },
    })
  }

  dynamicMetadata(namespace: string): Readonly<Record<string, unknown>> | undefined {
    return this.#callbacks.streamInfo.dynamicMetadata?.get(namespace)
  }

  setDynamicMetadata(namespace: string, key: string, value: unknown): void {
    this.#callbacks.streamInfo.setDynamicMetadata(namespace, { [key]: value })
  }

  info(name: LuaInfoName): string | undefined {
    const info = this.#callbacks.streamInfo
    const { connection } = info
    switch (name) {
      case 'protocol':
        return info.protocol
      case 'routeName':
        this.#noticeHeaders()
        return this.#callbacks.route()?.name
      case 'virtualClusterName':
        return info.virtualClusterName
      case 'downstreamDirectLocalAddress':
      case 'downstreamLocalAddress':
        return `${connection.localAddress}:${connection.localPort}`
      case 'downstreamDirectRemoteAddress':
        return `${connection.directRemoteAddress}:${connection.directRemotePort}`
      case 'downstreamRemoteAddress':
        return `${info.remoteAddress}:${info.remotePort}`
      case 'requestedServerName':
        return connection.requestedServerName
    }
  }

  clearRouteCache(): void {
    this.#callbacks.clearRouteCache()
  }
}

function unavailable(): HeaderMap {
  return HeaderMap.of([[':status', '503']])
}

function pushNothing(): number {
  return 0
}
