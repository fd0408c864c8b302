import { HeaderMap } from '../../base/header-map.ts'
import { isAuthority } from '../http/authority.ts'
import type { FieldSink } from './hpack/decoder.ts'
import type { Field } from './hpack/decoder-table.ts'
import { FieldId, LAST_PSEUDO } from './hpack/field-name.ts'

/** What a section belongs to, and with that which pseudo headers it has to have. `Ignored`: it is decoded for the HPACK table alone. */
export const BlockKind = { Request: 0, Response: 1, Trailers: 2, Ignored: 3 } as const
export type BlockKind = (typeof BlockKind)[keyof typeof BlockKind]

/** Envoy's `max_request_headers_kb` and `max_headers_count`; what passes them is `tooLarge`. */
export interface BlockLimits {
  /** Of names and values. */
  readonly maxBytes: number
  readonly maxCount: number
}

const REQUEST = [':authority', '', ':path', '', ':method', '', ':scheme', '']

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/
const LENGTH = /^[0-9]{1,15}$/
const STATUS = /^[1-9][0-9][0-9]$/

/** No blank may stand in a target: HTTP/1.1 would split the line there. Values are free of controls already. */
const BLANK = /[ \t]/

/** What a decoded header section says, and whether it may be said (RFC 9113 8.2, 8.3). One per connection, filled again for each. */
export class HeaderBlock implements FieldSink {
  flat: string[] = []
  /** Why the section is malformed, in words for the peer. */
  error: string | undefined
  /** It is a single field that is, whatever stands beside it. */
  invalidField = false
  tooLarge = false
  contentLength = -1
  method = ''
  status = 0
  /** Of extended CONNECT (RFC 8441). */
  protocol = ''
  neverIndexed: string[] | undefined
  readonly #limits: BlockLimits
  #kind: BlockKind = BlockKind.Ignored
  #seen = 0
  #regular = false
  #bytes = 0
  #count = 0
  #cookie = -1
  #host: string | undefined
  #ascii = true

  constructor(limits: BlockLimits) {
    this.#limits = limits
  }

  begin(kind: BlockKind): void {
    this.#kind = kind
    this.flat = kind === BlockKind.Request ? REQUEST.slice() : kind === BlockKind.Response ? [':status', ''] : []
    this.error = undefined
    this.invalidField = false
    this.tooLarge = false
    this.contentLength = -1
    this.method = ''
    this.status = 0
    this.protocol = ''
    this.neverIndexed = undefined
    this.#seen = 0
    this.#regular = false
    this.#bytes = 0
    this.#count = 0
    this.#cookie = -1
    this.#host = undefined
    this.#ascii = true
  }

  onField(field: Field, neverIndexed: boolean): void {
    const { name, value } = field
    if (this.error !== undefined || this.tooLarge || this.#kind === BlockKind.Ignored) return
    this.#bytes += name.name.length + value.length
    if (this.#bytes > this.#limits.maxBytes || ++this.#count > this.#limits.maxCount) {
      this.tooLarge = true
      return
    }
    if (!field.ascii) this.#ascii = false
    if (!name.valid) this.error = 'invalid field name'
    else if (!field.valid) this.error = 'invalid field value'
    else if (name.id === FieldId.Other) {
      this.#regular = true
      this.flat.push(name.name, value)
    } else if (name.id <= LAST_PSEUDO) this.#pseudo(name.id, value)
    else {
      this.#regular = true
      this.#special(name.id, name.name, value)
    }
    if (neverIndexed) this.neverIndexed = [...(this.neverIndexed ?? []), name.name]
  }

  /** The section is complete. */
  finish(): void {
    this.invalidField = this.error !== undefined
    if (this.error !== undefined || this.tooLarge) return
    if (this.#kind === BlockKind.Request) this.error = this.#request()
    else if (this.#kind === BlockKind.Response && this.status === 0) this.error = 'missing :status'
  }

  /** A new map; what came as never-indexed (RFC 7541 6.2.3) is remembered for the next hop. */
  headers(): HeaderMap {
    const headers = new HeaderMap(this.flat)
    headers.ascii = this.#ascii
    if (this.neverIndexed !== undefined) headers.neverIndexed = this.neverIndexed
    return headers
  }

  #pseudo(id: number, value: string): void {
    const bit = 1 << id
    if (this.#regular) this.error = 'pseudo header behind other fields'
    else if ((this.#seen & bit) !== 0) this.error = 'pseudo header twice'
    else if (id === FieldId.Status ? this.#kind !== BlockKind.Response : this.#kind !== BlockKind.Request)
      this.error = 'pseudo header out of place'
    this.#seen |= bit
    switch (id) {
      case FieldId.Authority:
        this.flat[1] = value
        if (value !== '' && !isAuthority(value)) this.error = 'invalid :authority'
        break
      case FieldId.Path:
        this.flat[3] = value
        if (value === '' || BLANK.test(value)) this.error = 'invalid :path'
        break
      case FieldId.Method:
        this.flat[5] = value
        this.method = value
        if (!TOKEN.test(value)) this.error = 'invalid :method'
        break
      case FieldId.Scheme:
        this.flat[7] = value
        if (!SCHEME.test(value)) this.error = 'invalid :scheme'
        break
      case FieldId.Status:
        this.flat[1] = value
        this.status = Number(value)
        // RFC 9113 8.6: no 101 in HTTP/2.
        if (!STATUS.test(value) || this.status === 101) this.error = 'invalid :status'
        break
      case FieldId.Protocol:
        this.protocol = value
        if (!TOKEN.test(value)) this.error = 'invalid :protocol'
        break
      default:
        this.error = 'unknown pseudo header'
    }
  }

  #special(id: number, name: string, value: string): void {
    switch (id) {
      case FieldId.ConnectionSpecific:
        this.error = 'connection-specific field'
        return
      case FieldId.Te:
        if (value.toLowerCase() !== 'trailers') this.error = 'te other than trailers'
        break
      case FieldId.ContentLength:
        if (this.#kind === BlockKind.Trailers) this.error = 'content-length in the trailers'
        else if (this.contentLength !== -1 || !LENGTH.test(value)) this.error = 'invalid content-length'
        else this.contentLength = Number(value)
        break
      case FieldId.Cookie:
        // RFC 9113 8.2.3: cookies may come in several fields, which other protocols must see as one.
        if (this.#cookie !== -1) {
          this.flat[this.#cookie] += `; ${value}`
          return
        }
        this.#cookie = this.flat.length + 1
        break
      case FieldId.Host:
        if (this.#kind === BlockKind.Request) {
          if (this.#host !== undefined || (value !== '' && !isAuthority(value))) this.error = 'invalid host'
          this.#host = value
          return
        }
        if (this.#kind === BlockKind.Trailers) this.error = 'host in the trailers'
        break
    }
    this.flat.push(name, value)
  }

  /** RFC 9113 8.3.1, 8.5; RFC 8441 4. */
  #request(): string | undefined {
    if (!this.#has(FieldId.Method)) return 'missing :method'
    const plainConnect = this.method === 'CONNECT' && this.protocol === ''
    if (plainConnect) {
      if (this.#has(FieldId.Scheme) || this.#has(FieldId.Path)) return ':scheme or :path with CONNECT'
      if (!this.#has(FieldId.Authority)) return 'missing :authority'
    } else {
      if (!this.#has(FieldId.Scheme)) return 'missing :scheme'
      if (!this.#has(FieldId.Path)) return 'missing :path'
      if (this.#has(FieldId.Protocol) && this.method !== 'CONNECT') return ':protocol without CONNECT'
    }
    const host = this.#host
    if (host === undefined) return undefined
    if (!this.#has(FieldId.Authority)) this.flat[1] = host
    else if (this.flat[1] !== host && this.flat[1].toLowerCase() !== host.toLowerCase()) return 'host is not :authority'
    return undefined
  }

  #has(id: number): boolean {
    return (this.#seen & (1 << id)) !== 0
  }
}
