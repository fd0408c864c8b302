/** What a client hears on one connection. */
import { HpackDecoder } from '../../../src/proxy/http2/hpack/decoder.ts'
import { ACK, CODES, END_HEADERS, END_STREAM, type Frame, Type } from '../../conformance/http2/frames.ts'

/** Differs from run to run. */
const VOLATILE = new Set(['date', 'x-envoy-upstream-service-time'])
const TABLE = 4096

interface Answer {
  readonly heads: string[]
  length: number
  ended: boolean
  reset: string
}

export class Heard {
  readonly pongs: string[] = []
  acks = 0
  goaway = ''
  closed = false
  greeted = false
  readonly #answers = new Map<number, Answer>()
  readonly #decoder = new HpackDecoder(TABLE)
  #block: Buffer = Buffer.alloc(0)
  #ends = false

  /** The connection has ended, or is about to. */
  get over(): boolean {
    return this.closed || this.goaway !== ''
  }

  take({ type, flags, stream, payload }: Frame): void {
    switch (type) {
      case Type.DATA: {
        const answer = this.#answer(stream)
        answer.length += payload.length
        answer.ended ||= (flags & END_STREAM) !== 0
        break
      }
      case Type.HEADERS:
        this.#block = Buffer.alloc(0)
        this.#ends = (flags & END_STREAM) !== 0
        this.#fields(stream, flags, payload)
        break
      case Type.CONTINUATION:
        this.#fields(stream, flags, payload)
        break
      case Type.RST_STREAM:
        this.#answer(stream).reset = codeOf(payload.readUInt32BE(0))
        break
      case Type.SETTINGS:
        if ((flags & ACK) === 0) this.greeted = true
        else this.acks++
        break
      case Type.PING:
        if ((flags & ACK) !== 0) this.pongs.push(payload.toString('latin1'))
        break
      case Type.GOAWAY:
        this.goaway = codeOf(payload.readUInt32BE(4))
        break
    }
  }

  /** By stream. */
  told(): Map<string, string> {
    return new Map(
      [...this.#answers].map(([stream, { heads, length, ended, reset }]) => [
        `client.${stream}`,
        [...heads, ...(length > 0 ? [`${length} bytes`] : []), ended ? 'end' : 'no end', reset].join(' ').trim(),
      ]),
    )
  }

  #fields(stream: number, flags: number, payload: Buffer): void {
    this.#block = Buffer.concat([this.#block, payload])
    if ((flags & END_HEADERS) === 0) return
    const fields: string[] = []
    this.#decoder.decode(this.#block, 0, this.#block.length, {
      onField: ({ name, value }) => {
        fields.push(name.name === ':status' ? value : `${name.name}=${VOLATILE.has(name.name) ? '…' : value}`)
      },
    })
    const answer = this.#answer(stream)
    answer.heads.push(`[${fields.sort().join(', ')}]`)
    answer.ended ||= this.#ends
  }

  #answer(stream: number): Answer {
    const answer = this.#answers.get(stream) ?? { heads: [], length: 0, ended: false, reset: '' }
    this.#answers.set(stream, answer)
    return answer
  }
}

function codeOf(code: number): string {
  return CODES[code] ?? String(code)
}
