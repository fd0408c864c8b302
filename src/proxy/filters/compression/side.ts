import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import type { Pausable, Throttle } from '../../http/throttle.ts'

/** What differs between the two ways that a body can go. */
export interface Side {
  inject(callbacks: HttpFilterCallbacks, chunk: Buffer): void
  /** Ends the body, with the trailers where there are some. */
  end(callbacks: HttpFilterCallbacks): void
  trailers(callbacks: HttpFilterCallbacks): HeaderMap
  throttle(callbacks: HttpFilterCallbacks, body: Pausable): Throttle
}

/** Of the request's body. */
export const REQUEST: Side = {
  inject: (callbacks, chunk) => callbacks.injectDecodedData(BodyBuffer.of(chunk), false),
  end(callbacks) {
    if (callbacks.requestTrailers === undefined) callbacks.injectDecodedData(new BodyBuffer(), true)
    else callbacks.injectDecodedTrailers()
  },
  trailers: (callbacks) => callbacks.addDecodedTrailers(),
  throttle: (callbacks, body) => callbacks.throttleDownstream(body),
}

/** Of the answer's body. */
export const RESPONSE: Side = {
  inject: (callbacks, chunk) => callbacks.injectEncodedData(BodyBuffer.of(chunk), false),
  end(callbacks) {
    if (callbacks.responseTrailers === undefined) callbacks.injectEncodedData(new BodyBuffer(), true)
    else callbacks.injectEncodedTrailers()
  },
  trailers: (callbacks) => callbacks.addEncodedTrailers(),
  throttle: (callbacks, body) => callbacks.throttleUpstream(body),
}
