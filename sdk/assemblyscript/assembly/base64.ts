/** The standard alphabet of RFC 4648, section 4. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

export class Base64 {
  /** With padding. */
  static encode(bytes: ArrayBuffer): string {
    const base = changetype<usize>(bytes)
    const length = bytes.byteLength
    const out = new Array<string>()
    for (let i = 0; i < length; i += 3) {
      const left = length - i
      const a: u32 = load<u8>(base + i)
      const b: u32 = left > 1 ? load<u8>(base + i + 1) : 0
      const c: u32 = left > 2 ? load<u8>(base + i + 2) : 0
      const all = (a << 16) | (b << 8) | c
      out.push(ALPHABET.charAt(all >> 18))
      out.push(ALPHABET.charAt((all >> 12) & 63))
      out.push(left > 1 ? ALPHABET.charAt((all >> 6) & 63) : "=")
      out.push(left > 2 ? ALPHABET.charAt(all & 63) : "=")
    }
    return out.join("")
  }

  /** Null when it is not base64: another character, a length that cannot be, or bits set that belong to no byte. */
  static decode(text: string): ArrayBuffer | null {
    let length = text.length
    let padding = 0
    while (padding < 2 && length > 0 && text.charCodeAt(length - 1) == 0x3d) {
      length--
      padding++
    }
    const rest = length & 3
    if (rest == 1) return null
    // Padding may be left out, but what is there has to be right.
    if (padding != 0 && ((length + padding) & 3) != 0) return null
    const out = new ArrayBuffer((length * 3) >> 2)
    let bits: u32 = 0
    let count = 0
    let at = changetype<usize>(out)
    for (let i = 0; i < length; i++) {
      const value = valueOf(text.charCodeAt(i))
      if (value < 0) return null
      bits = (bits << 6) | <u32>value
      count += 6
      if (count >= 8) {
        count -= 8
        store<u8>(at++, <u8>(bits >> count))
        bits &= (1 << count) - 1
      }
    }
    return bits == 0 ? out : null
  }
}

function valueOf(code: i32): i32 {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52
  if (code == 0x2b) return 62
  if (code == 0x2f) return 63
  return -1
}
