// biome-ignore-all lint: this is AssemblyScript, where other rules hold
// biome-ignore-all assist: as above
import {
  BodyAction,
  Bytes,
  Context,
  callForeignFunction,
  callResponseBody,
  callResponseHeaders,
  continueRequest,
  getSharedData,
  Header,
  HeadersAction,
  httpCall,
  LogLevel,
  log,
  logInfo,
  Metric,
  now,
  Property,
  RootContext,
  registerRootContext,
  requestBody,
  requestHeaders,
  requestTrailers,
  responseBody,
  responseHeaders,
  responseTrailers,
  SharedQueue,
  Status,
  sendLocalResponse,
  setSharedData,
  setTickPeriod,
  TrailersAction,
} from '@sluice/assemblyscript'

/** Calls all of the SDK: what to do is in the request's `:path`, what came of it is in headers and in the log. */
class Root extends RootContext {
  requests: Metric | null = null
  inFlight: Metric | null = null
  sizes: Metric | null = null
  queue: SharedQueue | null = null

  onVmStart(configuration: ArrayBuffer): bool {
    logInfo(`vm ${Bytes.toString(configuration)}`)
    return true
  }

  onConfigure(configuration: ArrayBuffer): bool {
    const text = Bytes.toString(configuration)
    logInfo(`plugin ${text}`)
    if (text == 'refuse') return false
    if (text == 'trap') assert(false, 'told to trap')
    this.requests = Metric.counter('requests')
    this.inFlight = Metric.gauge('in_flight')
    this.sizes = Metric.histogram('sizes')
    this.queue = SharedQueue.register('events')
    setTickPeriod(1000)
    return true
  }

  onTick(): void {
    logInfo(`tick ${now()}`)
  }

  onQueueReady(id: u32): void {
    let entry = this.queue!.pop()
    while (entry !== null) {
      logInfo(`queue ${id == this.queue!.id} ${Bytes.toString(entry)}`)
      entry = this.queue!.pop()
    }
  }

  createContext(id: u32): Context {
    return new Stream(id, this)
  }
}

class Stream extends Context {
  constructor(
    id: u32,
    private readonly root: Root,
  ) {
    super(id)
  }

  onRequestHeaders(count: u32, endOfStream: bool): HeadersAction {
    this.root.requests!.add()
    this.root.inFlight!.add(1)
    const path = requestHeaders.get(':path')!
    if (path == '/headers') this.headers(count, endOfStream)
    else if (path == '/properties') this.properties()
    else if (path == '/shared') this.shared()
    else if (path == '/reply') return this.reply()
    else if (path == '/call') return this.call('cluster')
    else if (path == '/bad-call') return this.call('nowhere')
    else if (path == '/foreign') this.foreign()
    else if (path == '/garbage') this.garbage()
    else if (path == '/out-of-bounds') logInfo([1, 2, 3][count].toString())
    return HeadersAction.Continue
  }

  private headers(count: u32, endOfStream: bool): void {
    logInfo(`${count} ${endOfStream}`)
    const entries = requestHeaders.entries()
    for (let i = 0; i < entries.length; i++) logInfo(`${entries[i].name}=${entries[i].value}`)
    requestHeaders.add('x-many', 'second')
    requestHeaders.set('x-set', 'naïve ☃')
    requestHeaders.remove('x-remove')
    logInfo(`has ${requestHeaders.has('x-set')} ${requestHeaders.has('x-none')}`)
  }

  private properties(): void {
    Property.set(['mine'], Bytes.of('stored'))
    logInfo(
      `${Property.string(['mine'])} ${Property.integer(['request', 'size'], -1)} ${Property.boolean(['connection', 'mtls'])}`,
    )
    const map = Property.map(['request', 'headers'])
    logInfo(`${map.length > 0 && map[0].name.length > 0} ${Property.string(['no', 'such']) === null}`)
  }

  private shared(): void {
    const first = setSharedData('key', Bytes.of('one'))
    const value = getSharedData('key')!
    const second = setSharedData('key', Bytes.of('two'), value.cas)
    const third = setSharedData('key', Bytes.of('three'), value.cas)
    logInfo(`${first} ${second} ${third == Status.CasMismatch} ${Bytes.toString(getSharedData('key')!.bytes)}`)
    logInfo(`${getSharedData('absent') === null}`)
    SharedQueue.find('', 'events')!.push(Bytes.of('hello'))
    logInfo(`${SharedQueue.find('', 'none') === null}`)
  }

  private reply(): HeadersAction {
    sendLocalResponse(418, 'short and stout', Bytes.of('teapot'), [new Header('x-tea', 'oolong')])
    return HeadersAction.StopIteration
  }

  private call(cluster: string): HeadersAction {
    const headers = [
      new Header(':method', 'POST'),
      new Header(':path', '/check'),
      new Header(':authority', 'a.example'),
    ]
    const token = httpCall(cluster, headers, Bytes.of('question'), [new Header('x-end', 'yes')], 250)
    if (token != 0) return HeadersAction.StopIteration
    log(LogLevel.Error, 'no call')
    return HeadersAction.Continue
  }

  onHttpCallResponse(token: u32, headers: u32, bodySize: u32, trailers: u32): void {
    if (headers == 0) logInfo('no answer')
    else logInfo(`${callResponseHeaders.get(':status')} ${callResponseBody.text()} ${bodySize} ${trailers}`)
    requestHeaders.set('x-answered', 'yes')
    continueRequest()
  }

  private foreign(): void {
    logInfo(`${callForeignFunction('no_such_function', new ArrayBuffer(0)) === null}`)
  }

  private garbage(): void {
    let text = ''
    for (let i = 0; i < 200; i++) text += i.toString()
    requestHeaders.set('x-length', text.length.toString())
  }

  onRequestBody(size: u32, endOfStream: bool): BodyAction {
    this.root.sizes!.record(size)
    if (!endOfStream) return BodyAction.StopIterationAndBuffer
    logInfo(`${requestBody.size == size} ${requestBody.text(1, 2)}`)
    requestBody.replace(Bytes.of(requestBody.text().toUpperCase()))
    requestBody.append(Bytes.of('>'))
    requestBody.prepend(Bytes.of('<'))
    return BodyAction.Continue
  }

  onRequestTrailers(count: u32): TrailersAction {
    requestTrailers.add('x-count', count.toString())
    return TrailersAction.Continue
  }

  onResponseHeaders(count: u32, endOfStream: bool): HeadersAction {
    responseHeaders.setAll([
      new Header(':status', responseHeaders.get(':status')!),
      new Header('x-all', count.toString()),
    ])
    return HeadersAction.Continue
  }

  onResponseBody(size: u32, endOfStream: bool): BodyAction {
    responseBody.append(Bytes.of('!'))
    return BodyAction.Continue
  }

  onResponseTrailers(count: u32): TrailersAction {
    responseTrailers.set('x-t', 'set')
    return TrailersAction.Continue
  }

  onLog(): void {
    this.root.inFlight!.add(-1)
    log(LogLevel.Debug, `log ${this.root.requests!.value}`)
  }

  onDone(): bool {
    return true
  }
}

registerRootContext((id) => new Root(id))
registerRootContext((id) => new Other(id), 'other')

class Other extends RootContext {
  onConfigure(configuration: ArrayBuffer): bool {
    logInfo('the other one')
    return true
  }
}
