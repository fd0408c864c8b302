/**
 * A strict JSON reader (RFC 8259) for configurations: UTF-8 only, no comments, no trailing commas, no duplicate names, no lone
 * surrogates, nothing after the value, at most 64 levels deep.
 */
export enum JsonKind {
  Null,
  Boolean,
  Number,
  String,
  Array,
  Object,
}

export class Json {
  /** The text of a string; of a number, as it was written. */
  text: string = ""
  truth: bool = false
  readonly items: Json[] = []
  /** Names of an object, beside `items`. */
  readonly names: string[] = []

  constructor(public readonly kind: JsonKind) {}

  /** The member of an object; null when there is none, or when this is no object. */
  get(name: string): Json | null {
    const at = this.names.indexOf(name)
    return at < 0 ? null : this.items[at]
  }

  get isObject(): bool {
    return this.kind == JsonKind.Object
  }

  get isArray(): bool {
    return this.kind == JsonKind.Array
  }

  get isString(): bool {
    return this.kind == JsonKind.String
  }

  get isNumber(): bool {
    return this.kind == JsonKind.Number
  }

  get number(): f64 {
    return parseFloat(this.text)
  }

  /**
   * A whole number that is not negative, or -1 when this is none below 2^63. Fractions are cut off, and a string of digits counts
   * as a number, as in Istio's own extensions.
   */
  get unsigned(): i64 {
    if (this.kind != JsonKind.Number && this.kind != JsonKind.String) return -1
    const text = this.isString ? this.text.trim() : this.text
    if (text.length == 0) return -1
    for (let i = 0, k = text.length; i < k; i++) {
      const code = text.charCodeAt(i)
      if (code < 0x30 || code > 0x39) return this.isNumber ? this.truncated() : -1
    }
    // 2^63 - 1 has 19 digits: of those only the larger ones do not fit.
    if (text.length > 19 || (text.length == 19 && text > "9223372036854775807")) return -1
    return I64.parseInt(text)
  }

  private truncated(): i64 {
    const value = this.number
    return value >= 0 && value < 9223372036854775807.0 ? <i64>value : -1
  }
}

/** A string as JSON text, in quotes. */
export function quote(text: string): string {
  let out = '"'
  for (let i = 0, k = text.length; i < k; i++) {
    const code = text.charCodeAt(i)
    if (code == 0x22 || code == 0x5c) out += "\\" + text.charAt(i)
    else if (code < 0x20) out += "\\u" + code.toString(16).padStart(4, "0")
    else out += text.charAt(i)
  }
  return out + '"'
}

const MAX_DEPTH = 64

export class JsonReader {
  /** Why `read` returned null. */
  error: string = ""
  private at: i32 = 0
  private depth: i32 = 0

  constructor(private readonly bytes: ArrayBuffer) {}

  read(): Json | null {
    const value = this.value()
    if (value === null) return null
    this.skipBlanks()
    return this.at == this.bytes.byteLength ? value : this.fail("more after the value")
  }

  private value(): Json | null {
    this.skipBlanks()
    switch (this.peek()) {
      case 0x7b: // {
        return this.object()
      case 0x5b: // [
        return this.array()
      case 0x22: // "
        return this.string()
      case 0x74: // t
        return this.word("true", JsonKind.Boolean, true)
      case 0x66: // f
        return this.word("false", JsonKind.Boolean, false)
      case 0x6e: // n
        return this.word("null", JsonKind.Null, false)
      case -1:
        return this.fail("the text ends too early")
      default:
        return this.number()
    }
  }

  private object(): Json | null {
    if (++this.depth > MAX_DEPTH) return this.fail("too deep")
    const out = new Json(JsonKind.Object)
    this.at++
    this.skipBlanks()
    if (this.take(0x7d)) return this.leave(out)
    while (true) {
      this.skipBlanks()
      if (this.peek() != 0x22) return this.fail("a name in quotes is missing")
      const name = this.string()
      if (name === null) return null
      if (out.names.includes(name.text)) return this.fail(`the name ${name.text} is there twice`)
      this.skipBlanks()
      if (!this.take(0x3a)) return this.fail("a colon is missing")
      const value = this.value()
      if (value === null) return null
      out.names.push(name.text)
      out.items.push(value)
      this.skipBlanks()
      if (this.take(0x7d)) return this.leave(out)
      if (!this.take(0x2c)) return this.fail("a comma is missing")
    }
  }

  private array(): Json | null {
    if (++this.depth > MAX_DEPTH) return this.fail("too deep")
    const out = new Json(JsonKind.Array)
    this.at++
    this.skipBlanks()
    if (this.take(0x5d)) return this.leave(out)
    while (true) {
      const value = this.value()
      if (value === null) return null
      out.items.push(value)
      this.skipBlanks()
      if (this.take(0x5d)) return this.leave(out)
      if (!this.take(0x2c)) return this.fail("a comma is missing")
    }
  }

  private leave(value: Json): Json {
    this.depth--
    return value
  }

  private string(): Json | null {
    const out = new Json(JsonKind.String)
    this.at++
    let start = this.at
    while (true) {
      const byte = this.peek()
      if (byte < 0) return this.fail("a string without end")
      if (byte == 0x22) {
        out.text += this.slice(start)
        this.at++
        return out
      }
      if (byte < 0x20) return this.fail("a control character in a string")
      if (byte == 0x5c) {
        out.text += this.slice(start)
        this.at++
        const piece = this.escape()
        if (piece === null) return null
        out.text += piece
        start = this.at
      } else {
        const length = this.sequenceLength(byte)
        if (length == 0) return this.fail("a string that is not UTF-8")
        this.at += length
      }
    }
  }

  private slice(start: i32): string {
    return String.UTF8.decodeUnsafe(changetype<usize>(this.bytes) + start, this.at - start)
  }

  private escape(): string | null {
    const code = this.peek()
    this.at++
    switch (code) {
      case 0x22:
        return '"'
      case 0x5c:
        return "\\"
      case 0x2f:
        return "/"
      case 0x62:
        return "\b"
      case 0x66:
        return "\f"
      case 0x6e:
        return "\n"
      case 0x72:
        return "\r"
      case 0x74:
        return "\t"
      case 0x75:
        return this.unicode()
    }
    this.fail("an unknown escape")
    return null
  }

  private unicode(): string | null {
    const first = this.hex4()
    if (first >= 0 && (first < 0xd800 || first > 0xdfff)) return String.fromCharCode(first)
    if (first >= 0xd800 && first <= 0xdbff && this.take(0x5c) && this.take(0x75)) {
      const second = this.hex4()
      if (second >= 0xdc00 && second <= 0xdfff) return String.fromCharCode(first, second)
    }
    this.fail("an escape that is no character")
    return null
  }

  private hex4(): i32 {
    let value = 0
    for (let i = 0; i < 4; i++) {
      const code = this.peek()
      const digit =
        code >= 0x30 && code <= 0x39
          ? code - 0x30
          : (code | 0x20) >= 0x61 && (code | 0x20) <= 0x66
            ? (code | 0x20) - 0x61 + 10
            : -1
      if (digit < 0) return -1
      value = (value << 4) | digit
      this.at++
    }
    return value
  }

  /** Of a well-formed UTF-8 sequence (Unicode table 3-7) that begins with this byte; 0 when it is not one. */
  private sequenceLength(first: i32): i32 {
    if (first < 0x80) return 1
    const second = this.byteAt(this.at + 1)
    if (first >= 0xc2 && first <= 0xdf) return isTail(second) ? 2 : 0
    const third = this.byteAt(this.at + 2)
    if (first >= 0xe0 && first <= 0xef) {
      const low = first == 0xe0 ? 0xa0 : 0x80
      const high = first == 0xed ? 0x9f : 0xbf
      return second >= low && second <= high && isTail(third) ? 3 : 0
    }
    if (first >= 0xf0 && first <= 0xf4) {
      const low = first == 0xf0 ? 0x90 : 0x80
      const high = first == 0xf4 ? 0x8f : 0xbf
      return second >= low && second <= high && isTail(third) && isTail(this.byteAt(this.at + 3)) ? 4 : 0
    }
    return 0
  }

  private number(): Json | null {
    const start = this.at
    this.take(0x2d)
    if (!this.take(0x30) && !this.digits()) return this.fail("a value is missing")
    if (this.take(0x2e) && !this.digits()) return this.fail("a digit is missing")
    if (this.peek() == 0x65 || this.peek() == 0x45) {
      this.at++
      if (!this.take(0x2b)) this.take(0x2d)
      if (!this.digits()) return this.fail("a digit is missing")
    }
    const out = new Json(JsonKind.Number)
    out.text = this.slice(start)
    return out
  }

  private digits(): bool {
    const start = this.at
    while (this.peek() >= 0x30 && this.peek() <= 0x39) this.at++
    return this.at > start
  }

  private word(text: string, kind: JsonKind, truth: bool): Json | null {
    for (let i = 0, k = text.length; i < k; i++) {
      if (!this.take(text.charCodeAt(i))) return this.fail("an unknown word")
    }
    const out = new Json(kind)
    out.truth = truth
    return out
  }

  private skipBlanks(): void {
    while (true) {
      const byte = this.peek()
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return
      this.at++
    }
  }

  private take(byte: i32): bool {
    if (this.peek() != byte) return false
    this.at++
    return true
  }

  private peek(): i32 {
    return this.byteAt(this.at)
  }

  private byteAt(index: i32): i32 {
    return index < this.bytes.byteLength ? <i32>load<u8>(changetype<usize>(this.bytes) + index) : -1
  }

  private fail(why: string): Json | null {
    if (this.error == "") this.error = `${why} at byte ${this.at}`
    return null
  }
}

function isTail(byte: i32): bool {
  return byte >= 0x80 && byte <= 0xbf
}
