import { BodyAction, HeadersAction, TrailersAction } from "./enums"

/** What contexts of both kinds can be told. */
export abstract class BaseContext {
  constructor(public readonly id: u32) {}

  /** The answer to an `httpCall` of this context. All three are 0 when there was none. */
  onHttpCallResponse(token: u32, headers: u32, bodySize: u32, trailers: u32): void {}

  /** May it go? When false, call `done()` later. */
  onDone(): bool {
    return true
  }

  /** The last callback but for its removal: everything about the stream is known. */
  onLog(): void {}
}

/** The plugin: one for each configuration and thread. */
export class RootContext extends BaseContext {
  constructor(id: u32) {
    super(id)
  }

  /** Once for each virtual machine. False refuses to start. */
  onVmStart(configuration: ArrayBuffer): bool {
    return true
  }

  /** False refuses the configuration; say why in the log. */
  onConfigure(configuration: ArrayBuffer): bool {
    return true
  }

  onTick(): void {}

  onQueueReady(queue: u32): void {}

  onForeignFunction(functionId: u32, argumentsSize: u32): void {}

  /** The context of a new stream. */
  createContext(id: u32): Context {
    return new Context(id)
  }
}

/** One HTTP request and its response. Override what the extension wants to see; what it does not is not even called. */
export class Context extends BaseContext {
  constructor(id: u32) {
    super(id)
  }

  onRequestHeaders(count: u32, endOfStream: bool): HeadersAction {
    return HeadersAction.Continue
  }

  onRequestBody(size: u32, endOfStream: bool): BodyAction {
    return BodyAction.Continue
  }

  onRequestTrailers(count: u32): TrailersAction {
    return TrailersAction.Continue
  }

  onResponseHeaders(count: u32, endOfStream: bool): HeadersAction {
    return HeadersAction.Continue
  }

  onResponseBody(size: u32, endOfStream: bool): BodyAction {
    return BodyAction.Continue
  }

  onResponseTrailers(count: u32): TrailersAction {
    return TrailersAction.Continue
  }
}
