/** How the names of a message's headers are to be written where their case is free (HTTP/1.1). */
export interface Spelling {
  /** `name` is in lower case. */
  of(name: string): string
  /** The reason phrase that came with the status, '' for the usual one. */
  readonly reason: string
}

/**
 * HTTP headers as an ordered list of pairs, the form in which the codecs read and write them and in which a Wasm module
 * sees them. Names are lower case (RFC 9113 8.2.1; Envoy lower-cases HTTP/1 too); values are byte strings (latin1).
 *
 * One flat array: name, value, name, value … A message has 5 to 30 headers, where a scan beats a hash table.
 */
export class HeaderMap {
  /** name0, value0, name1, value1, …; pseudo headers (`:method`, `:status`) stand first. Read it freely; write by the methods. */
  readonly flat: string[]
  /** Grows by one with each change, so that what was derived from the headers can tell whether it still holds. */
  version = 0
  /**
   * Somebody has written to it. What a codec read it has checked; what was written since has to be looked at before it goes on a
   * wire, so that no value ends its line.
   */
  written = false
  /** The codec that read the values has seen nothing but ASCII, and nothing else was added since. */
  ascii = false
  /** Names that came as never to be indexed (RFC 7541 6.2.3), which the next hop has to be told. */
  neverIndexed: readonly string[] | undefined = undefined
  /** How they came, where somebody wants to know. */
  spelling: Spelling | undefined = undefined

  constructor(flat: string[] = []) {
    this.flat = flat
  }

  /** Makes a map from pairs, lower-casing the names. */
  static of(pairs: Iterable<readonly [string, string]>): HeaderMap {
    const map = new HeaderMap()
    for (const [name, value] of pairs) map.add(name.toLowerCase(), value)
    return map
  }

  /** The number of pairs. */
  get size(): number {
    return this.flat.length >> 1
  }

  /** The first value of a (lower-case) name. */
  get(name: string): string | undefined {
    const flat = this.flat
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1]
    return undefined
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** All values of a name, in order. */
  getAll(name: string): string[] {
    const values: string[] = []
    const flat = this.flat
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) values.push(flat[i + 1])
    return values
  }

  /** Appends a pair, keeping earlier ones of the same name. */
  add(name: string, value: string): void {
    this.flat.push(name, value)
    this.written = true
    this.ascii = false
    this.version++
  }

  /** As `add`, for a pair that was checked as a codec checks what it reads. */
  append(name: string, value: string): void {
    this.flat.push(name, value)
    this.version++
  }

  /** Sets the first pair of that name and removes the others; appends where there is none. */
  set(name: string, value: string): void {
    this.written = true
    this.ascii = false
    this.put(name, value)
  }

  /** As `set`, for values that cannot hold anything dangerous: made by the proxy itself, moved from another header of the same map, or checked. */
  put(name: string, value: string): void {
    const flat = this.flat
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) {
        flat[i + 1] = value
        this.removeFrom(name, i + 2)
        this.version++
        return
      }
    }
    flat.push(name, value)
    this.version++
  }

  /** Removes all pairs of that name; tells whether there were any. */
  remove(name: string): boolean {
    const removed = this.removeFrom(name, 0)
    if (removed) this.version++
    return removed
  }

  /** Removes all pairs with such a name. */
  removeWhere(isSuch: (name: string) => boolean): void {
    const { flat } = this
    let to = 0
    for (let from = 0; from < flat.length; from += 2) {
      if (isSuch(flat[from])) continue
      if (to !== from) {
        flat[to] = flat[from]
        flat[to + 1] = flat[from + 1]
      }
      to += 2
    }
    if (to === flat.length) return
    shorten(flat, to)
    this.version++
  }

  /** Removes every pair. */
  clear(): void {
    this.flat.length = 0
    this.version++
  }

  /** Sum of the lengths of names and values, as Envoy's byteSize counts. */
  get byteSize(): number {
    let sum = 0
    for (const part of this.flat) sum += part.length
    return sum
  }

  clone(): HeaderMap {
    const copy = new HeaderMap(this.flat.slice())
    copy.written = this.written
    copy.ascii = this.ascii
    copy.neverIndexed = this.neverIndexed
    copy.spelling = this.spelling
    return copy
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.flat.length; i += 2) yield [this.flat[i], this.flat[i + 1]]
  }

  private removeFrom(name: string, start: number): boolean {
    const flat = this.flat
    let to = start
    for (let from = start; from < flat.length; from += 2) {
      if (flat[from] === name) continue
      if (to !== from) {
        flat[to] = flat[from]
        flat[to + 1] = flat[from + 1]
      }
      to += 2
    }
    if (to === flat.length) return false
    shorten(flat, to)
    return true
  }
}

/** Few are taken off, and setting the length is a call into the engine. */
function shorten(flat: string[], length: number): void {
  while (flat.length > length) flat.pop()
}
