/** For tests: a filter alone, and what it gives on. */
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'

/** Stands for a chain with one filter. */
export class Chain {
  readonly codecs: Readable[] = []
  readonly parts: Buffer[] = []
  readonly callbacks: HttpFilterCallbacks
  trailers: HeaderMap | undefined
  ended = false
  fulls = 0
  drains = 0

  constructor() {
    const inject = (data: BodyBuffer, end: boolean) => {
      this.parts.push(Buffer.from(data.linearize()))
      this.ended ||= end
    }
    const end = () => {
      this.ended = true
    }
    const throttle = (codec: Readable) => {
      this.codecs.push(codec)
      return { full: () => this.fulls++, drained: () => this.drains++ }
    }
    const trailers = () => (this.trailers ??= new HeaderMap())
    const chain = this
    this.callbacks = {
      get requestTrailers() {
        return chain.trailers
      },
      get responseTrailers() {
        return chain.trailers
      },
      routeConfig: () => undefined,
      streamInfo: { compressors: undefined },
      addDecodedTrailers: trailers,
      addEncodedTrailers: trailers,
      injectDecodedData: inject,
      injectEncodedData: inject,
      injectDecodedTrailers: end,
      injectEncodedTrailers: end,
      throttleDownstream: throttle,
      throttleUpstream: throttle,
      resetStream: end,
    } as unknown as HttpFilterCallbacks
  }

  /** What has come out, once the end has. */
  async body(): Promise<string> {
    while (!this.ended) await setImmediate()
    return Buffer.concat(this.parts).toString()
  }

  /** Once every codec has let go of its memory. */
  async closed(): Promise<void> {
    for (const codec of this.codecs) while (!codec.closed) await setImmediate()
  }
}

/** For zstd, by `zstd --train --maxdict=256 --dictID=77` from small JSON objects. */
export const DICTIONARY = Buffer.from(
  [
    'N6Qw7E0AAAAXEOgK0wEAAABRKAoepZRSpiQT2MIJIQHTBAAAAACplQ0AAAAEQAMBgJJGJgMEhFIzHACAEAJIACAAAAAAHAAQAAAA',
    'AAAA5IqyRTIqPAAAAAAAAAAAAAAAAAEAAAAEAAAACAAAACJ1c2VyIDkxIiwgImhlbGxvIjogIndvcmxkIDAiLCAidGFncyI6IFsi',
    'YTAiLCAiYiJdd29ybGQgMyIsICJ0YWdzIjogWyJhNSIsICJiIl19CnsiaWQiOiAzOTU5NSwgIm5hbWUid29ybGQgNSIsICJ0YWdz',
    'IjogWyJhMSIsICJiIl19CnsiaWQiOiAyNTg5NTEzLA==',
  ].join(''),
  'base64',
)
