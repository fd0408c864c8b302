import { Bytes } from "@sluice/assemblyscript"

/** The path of a request, as it came and as a server may understand it. */
export class RequestPath {
  /** With the query. */
  readonly whole: ArrayBuffer
  readonly path: ArrayBuffer
  /** Unescaped, without empty and dot segments; the same object as `path` where that changes nothing. */
  readonly normal: ArrayBuffer

  constructor(whole: ArrayBuffer) {
    this.whole = whole
    const end = endOfPath(whole)
    const path = end == whole.byteLength ? whole : whole.slice(0, end)
    this.path = path
    this.normal = needsNormalizing(path) ? normalize(unescape(path)) : path
  }
}

function endOfPath(bytes: ArrayBuffer): i32 {
  for (let i = 0, k = bytes.byteLength; i < k; i++) {
    const byte = load<u8>(changetype<usize>(bytes) + i)
    if (byte == 0x3f || byte == 0x23) return i
  }
  return bytes.byteLength
}

/** Nearly all paths do not: then nothing is copied. */
function needsNormalizing(path: ArrayBuffer): bool {
  let previous: u8 = 0
  for (let i = 0, k = path.byteLength; i < k; i++) {
    const byte = load<u8>(changetype<usize>(path) + i)
    if (byte == 0x25 || byte == 0x5c) return true
    if (previous == 0x2f && (byte == 0x2f || byte == 0x2e)) return true
    previous = byte
  }
  return false
}

/** `%XX` once, and backslashes made slashes, as browsers and many servers have it. */
function unescape(path: ArrayBuffer): ArrayBuffer {
  const length = path.byteLength
  const base = changetype<usize>(path)
  const out = new ArrayBuffer(length)
  let size = 0
  for (let i = 0; i < length; i++) {
    let byte = load<u8>(base + i)
    if (byte == 0x25 && i + 2 < length) {
      const high = hex(load<u8>(base + i + 1))
      const low = hex(load<u8>(base + i + 2))
      if (high >= 0 && low >= 0) {
        byte = <u8>((high << 4) | low)
        i += 2
      }
    }
    store<u8>(changetype<usize>(out) + size++, byte == 0x5c ? <u8>0x2f : byte)
  }
  return out.slice(0, size)
}

function hex(byte: u8): i32 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1
}

function normalize(path: ArrayBuffer): ArrayBuffer {
  const segments = Bytes.toString(path).split("/")
  const kept: string[] = []
  for (let i = 0, k = segments.length; i < k; i++) {
    const segment = segments[i]
    if (segment == "" || segment == ".") continue
    if (segment == "..") {
      if (kept.length > 0) kept.pop()
    } else {
      kept.push(segment)
    }
  }
  const last = segments[segments.length - 1]
  const slash = kept.length > 0 && (last == "" || last == "." || last == "..")
  return Bytes.of("/" + kept.join("/") + (slash ? "/" : ""))
}
