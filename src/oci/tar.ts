/**
 * The part of tar that images use: ustar with PAX and GNU long names, read as a stream. Links, devices and sparse files hold no
 * module and are skipped. Nothing is ever written to a path that an archive names.
 */
export interface TarEntry {
  readonly name: string
  readonly size: number
  /** A plain file. */
  readonly isFile: boolean
}

const BLOCK = 512
/** PAX headers and long names are held in memory; real ones have a few hundred bytes. */
const MAX_META = 1 << 20

/** Walks an archive; `visit` returns what takes the entry's content, if it is wanted. */
export async function walkTar(
  source: AsyncIterable<Uint8Array>,
  visit: (entry: TarEntry) => TarSink | undefined,
): Promise<void> {
  const reader = new ByteReader(source)
  try {
    let longName: string | undefined
    let pax: Readonly<Record<string, string>> = {}
    for (;;) {
      const header = await reader.take(BLOCK, true)
      // An archive ends with zero blocks; some writers leave them out.
      if (header === undefined || header.every((byte) => byte === 0)) return
      checkSum(header)
      const type = String.fromCharCode(header[156])
      let size = readNumber(header.subarray(124, 136))
      if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
        if (size > MAX_META) throw new Error(`the archive has an extended header of ${size} bytes`)
        const meta = Buffer.from((await reader.take(padded(size)))!.subarray(0, size))
        if (type === 'x') pax = parsePax(meta)
        if (type === 'L') longName = meta.toString().replace(/\0.*$/s, '')
        continue
      }
      if (pax['size'] !== undefined) size = Number(pax['size'])
      if (!Number.isSafeInteger(size) || size < 0) throw new Error('the archive has an entry of impossible size')
      const name = pax['path'] ?? longName ?? nameOf(header)
      const isFile = type === '0' || type === '\0' || type === '7'
      pax = {}
      longName = undefined
      const sink = visit({ name, size, isFile })
      await reader.pass(size, sink)
      await reader.pass(padded(size) - size, undefined)
      if (sink?.last) return
    }
  } finally {
    await reader.close()
  }
}

/** Takes one entry. */
export interface TarSink {
  write(chunk: Uint8Array): Promise<void> | void
  /** Nothing after this entry is of interest. */
  readonly last?: boolean
}

/** Whether a block begins a tar archive: the ustar magic (bytes 257 to 261), as Istio's agent asks. */
export function looksLikeTar(block: Uint8Array): boolean {
  return Buffer.from(block.subarray(257, 262)).toString('latin1') === 'ustar'
}

/** An archive of plain files with nothing in it that depends on time, user or machine, so that equal content has an equal digest. */
export function tarOf(files: readonly { readonly name: string; readonly data: Uint8Array }[]): Buffer {
  const parts: Uint8Array[] = []
  for (const { name, data } of files) {
    parts.push(tarHeader(name, data.length), data, Buffer.alloc(padded(data.length) - data.length))
  }
  parts.push(Buffer.alloc(2 * BLOCK))
  return Buffer.concat(parts)
}

/** The header of a plain file. */
export function tarHeader(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`«${name}» is too long for a plain tar header`)
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

function sumOf(header: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i]
  return sum
}

function checkSum(header: Uint8Array): void {
  const stored = readNumber(header.subarray(148, 156))
  if (stored !== sumOf(header)) throw new Error('the archive is damaged: a header has a wrong checksum')
}

/** Octal text, or base 256 when the first bit is set (GNU, for sizes from 8 GiB). */
function readNumber(field: Uint8Array): number {
  if ((field[0] & 0x80) !== 0) {
    let value = field[0] & 0x7f
    for (let i = 1; i < field.length; i++) value = value * 256 + field[i]
    return value
  }
  const text = Buffer.from(field)
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim()
  return text === '' ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0)
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString()
}

function nameOf(header: Uint8Array): string {
  const name = text(header.subarray(0, 100))
  // Only POSIX ustar has a prefix; GNU's magic is "ustar  " and uses the place for times.
  const posix = header[262] === 0
  const prefix = posix ? text(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Records `<length> <key>=<value>\n` (POSIX pax). */
function parsePax(meta: Buffer): Record<string, string> {
  const records: Record<string, string> = Object.create(null)
  let at = 0
  while (at < meta.length) {
    const space = meta.indexOf(32, at)
    const length = Number(meta.subarray(at, space).toString())
    if (space < 0 || !Number.isInteger(length) || length < 5 || at + length > meta.length) {
      throw new Error('the archive is damaged: an extended header cannot be read')
    }
    const record = meta.subarray(space + 1, at + length - 1).toString()
    const equals = record.indexOf('=')
    records[record.slice(0, equals)] = record.slice(equals + 1)
    at += length
  }
  return records
}

/** Takes exact amounts from a stream of chunks. */
class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  /** Exactly `count` bytes; undefined at the very end of the stream if that is allowed. */
  async take(count: number, mayEnd = false): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = []
    let have = 0
    while (have < count) {
      const part = await this.#next(count - have)
      if (part === undefined) {
        if (mayEnd && have === 0) return undefined
        throw new Error('the archive is cut short')
      }
      parts.push(part)
      have += part.length
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts)
  }

  async pass(count: number, sink: TarSink | undefined): Promise<void> {
    for (let left = count; left > 0; ) {
      const part = await this.#next(left)
      if (part === undefined) throw new Error('the archive is cut short')
      left -= part.length
      if (sink !== undefined) await sink.write(part)
    }
  }

  /** At most `limit` bytes. */
  async #next(limit: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next()
      if (done) return undefined
      this.#rest = value
    }
    const part = this.#rest.subarray(0, limit)
    this.#rest = this.#rest.subarray(part.length)
    return part
  }
}
