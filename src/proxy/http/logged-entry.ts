import type { HeaderMap } from '../../base/header-map.ts'
import type { AttributeValue, LoggedStream, ReadableState } from '../../wasm/index.ts'
import { streamAttribute } from './attributes.ts'
import type { StreamInfo } from './stream-info.ts'

/** A stream or connection as plugins and expressions read it. One serves for all: it is read only while it is looked at. */
export class LoggedEntry implements LoggedStream, ReadableState {
  info: StreamInfo | undefined

  get requestHeaders(): HeaderMap | undefined {
    return this.info?.requestHeaders
  }

  get responseHeaders(): HeaderMap | undefined {
    return this.info?.responseHeaders
  }

  get responseTrailers(): HeaderMap | undefined {
    return this.info?.responseTrailers
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    return this.info && streamAttribute(this.info, group, name)
  }

  get filterState(): ReadableState {
    return this
  }

  /** ReadableState. */
  get(name: string): Uint8Array | undefined {
    return this.info?.filterState?.get(name)
  }
}
