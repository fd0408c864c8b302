/**
 * Bytes as they are on the wire. Header values and bodies are not always UTF-8, and comparing them as bytes costs no
 * conversion, so use these where it matters and strings where it does not.
 */
export class Bytes {
  static of(text: string): ArrayBuffer {
    return String.UTF8.encode(text)
  }

  static toString(bytes: ArrayBuffer): string {
    return String.UTF8.decode(bytes)
  }

  static equal(a: ArrayBuffer, b: ArrayBuffer): bool {
    if (a.byteLength != b.byteLength) return false
    return memory.compare(changetype<usize>(a), changetype<usize>(b), a.byteLength) == 0
  }

  /**
   * For secrets: how long it takes follows from the length of `given` alone, whatever the secret is and wherever the two differ.
   */
  static equalConstantTime(given: ArrayBuffer, secret: ArrayBuffer): bool {
    const length = secret.byteLength
    let different: u32 = given.byteLength ^ length
    for (let i = 0, k = given.byteLength; i < k; i++) {
      // Masked, not branched: past its end the secret counts as its first byte, and the lengths differ anyway.
      const at = i & (<i32>(i < length) * -1)
      different |= load<u8>(changetype<usize>(given) + i) ^ load<u8>(changetype<usize>(secret) + at)
    }
    return different == 0
  }

  static startsWith(bytes: ArrayBuffer, start: ArrayBuffer): bool {
    if (bytes.byteLength < start.byteLength) return false
    return memory.compare(changetype<usize>(bytes), changetype<usize>(start), start.byteLength) == 0
  }

  static endsWith(bytes: ArrayBuffer, end: ArrayBuffer): bool {
    const from = bytes.byteLength - end.byteLength
    if (from < 0) return false
    return memory.compare(changetype<usize>(bytes) + from, changetype<usize>(end), end.byteLength) == 0
  }

  /** Index of a byte at or after `from`, or -1. */
  static indexOf(bytes: ArrayBuffer, byte: u8, from: i32 = 0): i32 {
    for (let i = from, k = bytes.byteLength; i < k; i++) {
      if (load<u8>(changetype<usize>(bytes) + i) == byte) return i
    }
    return -1
  }

  /** With A to Z made a to z. */
  static toLowerCase(bytes: ArrayBuffer): ArrayBuffer {
    const out = bytes.slice(0)
    for (let i = 0, k = out.byteLength; i < k; i++) {
      const at = changetype<usize>(out) + i
      const byte = load<u8>(at)
      if (byte >= 0x41 && byte <= 0x5a) store<u8>(at, byte | 0x20)
    }
    return out
  }
}
