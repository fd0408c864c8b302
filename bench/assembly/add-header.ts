import { Context, HeadersAction, RootContext, registerRootContext, requestHeaders } from '@sluice/assemblyscript'

/** The smallest useful extension, as a user writes it: strings, and nothing kept for speed. */
class AddHeader extends RootContext {
  constructor(id: u32) {
    super(id)
  }

  createContext(id: u32): Context {
    return new AddHeaderStream(id)
  }
}

class AddHeaderStream extends Context {
  constructor(id: u32) {
    super(id)
  }

  onRequestHeaders(_count: u32, _endOfStream: bool): HeadersAction {
    requestHeaders.add('x-added', 'a value')
    return HeadersAction.Continue
  }
}

registerRootContext((id) => new AddHeader(id))
