import type { BodyBuffer } from '../../../base/body-buffer.ts'
import { FilterDataStatus, FilterTrailersStatus, type HttpFilter } from '../../http/filter.ts'
import type { BodyCodec } from './body-codec.ts'

interface Coded {
  readonly codec: BodyCodec
}

/** A filter that sends the bodies of a stream through codecs, which its headers' callbacks choose. */
export abstract class CodecFilter<C extends Coded> implements HttpFilter {
  protected request: C | undefined
  protected response: C | undefined

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    return write(this.request, data, endStream)
  }

  decodeTrailers(): FilterTrailersStatus {
    return complete(this.request)
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    return write(this.response, data, endStream)
  }

  encodeTrailers(): FilterTrailersStatus {
    return complete(this.response)
  }

  onDestroy(): void {
    this.request?.codec.destroy()
    this.response?.codec.destroy()
  }
}

function write(coded: Coded | undefined, data: BodyBuffer, endStream: boolean): FilterDataStatus {
  if (coded === undefined) return FilterDataStatus.Continue
  coded.codec.write(data, endStream)
  return FilterDataStatus.StopIterationNoBuffer
}

function complete(coded: Coded | undefined): FilterTrailersStatus {
  if (coded === undefined) return FilterTrailersStatus.Continue
  coded.codec.complete()
  return FilterTrailersStatus.StopIteration
}
