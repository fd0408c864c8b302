/** What a peer has sent on one connection. */
import { ACK, CODES, END_HEADERS, END_STREAM, type Frame, PADDED, PRIORITY, Type } from './frames.ts'
import { statusOf } from './hpack.ts'

export class Seen {
  /** Its settings, and how often it has acknowledged ours. */
  readonly settings = new Map<number, number>()
  hasSettings = false
  acks = 0
  readonly pongs: string[] = []
  goaway: number | undefined
  readonly resets = new Map<number, number>()
  /** Statuses by stream, those of interim answers first. */
  readonly statuses = new Map<number, string[]>()
  readonly ended = new Set<number>()
  /** The lengths of DATA frames by stream. */
  readonly data = new Map<number, number[]>()
  closed = false
  #open: { stream: number; flags: number; block: Buffer } | undefined

  take({ type, flags, stream, payload }: Frame): void {
    switch (type) {
      case Type.DATA:
        this.data.set(stream, [...(this.data.get(stream) ?? []), payload.length])
        if ((flags & END_STREAM) !== 0) this.ended.add(stream)
        break
      case Type.HEADERS:
        this.#block(stream, flags, unpadded(payload, flags))
        break
      case Type.CONTINUATION:
        if (this.#open !== undefined) {
          const { block, flags: first } = this.#open
          this.#block(stream, first | (flags & END_HEADERS), Buffer.concat([block, payload]))
        }
        break
      case Type.RST_STREAM:
        this.resets.set(stream, payload.readUInt32BE(0))
        break
      case Type.SETTINGS:
        if ((flags & ACK) !== 0) this.acks++
        else {
          this.hasSettings = true
          for (let i = 0; i + 6 <= payload.length; i += 6) {
            this.settings.set(payload.readUInt16BE(i), payload.readUInt32BE(i + 2))
          }
        }
        break
      case Type.PING:
        if ((flags & ACK) !== 0) this.pongs.push(payload.toString('latin1'))
        break
      case Type.GOAWAY:
        this.goaway = payload.readUInt32BE(4)
        break
    }
  }

  #block(stream: number, flags: number, block: Buffer): void {
    if ((flags & END_HEADERS) === 0) {
      this.#open = { stream, flags, block }
      return
    }
    this.#open = undefined
    const status = statusOf(block)
    if (status !== undefined) this.statuses.set(stream, [...(this.statuses.get(stream) ?? []), status])
    if ((flags & END_STREAM) !== 0) this.ended.add(stream)
  }

  /** For people. */
  toString(): string {
    const parts: string[] = []
    for (const [stream, statuses] of this.statuses) {
      parts.push(`${statuses.join(' ')}${this.ended.has(stream) ? '' : ' unfinished'} on ${stream}`)
    }
    for (const [stream, code] of this.resets) parts.push(`RST_STREAM ${CODES[code] ?? code} on ${stream}`)
    if (this.goaway !== undefined) parts.push(`GOAWAY ${CODES[this.goaway] ?? this.goaway}`)
    if (this.pongs.length > 0) parts.push(`${this.pongs.length} pongs`)
    if (this.closed) parts.push('closed')
    return parts.slice(-6).join(', ') || 'nothing'
  }
}

function unpadded(payload: Buffer, flags: number): Buffer {
  const start = ((flags & PADDED) !== 0 ? 1 : 0) + ((flags & PRIORITY) !== 0 ? 5 : 0)
  return payload.subarray(start, payload.length - ((flags & PADDED) !== 0 ? payload[0] : 0))
}
