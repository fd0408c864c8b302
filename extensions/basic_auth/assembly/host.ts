import { Bytes } from "@sluice/assemblyscript"

/** The host of a request, put so that spellings of the same host are equal: lower case, no final dot, no brackets. */
export class RequestHost {
  readonly name: ArrayBuffer
  readonly withPort: ArrayBuffer

  constructor(authority: ArrayBuffer) {
    const text = Bytes.toString(Bytes.toLowerCase(authority))
    const colon = portColon(text)
    const name = normalName(colon < 0 ? text : text.substring(0, colon))
    this.name = Bytes.of(name)
    this.withPort = Bytes.of(colon < 0 ? name : name + text.substring(colon))
  }
}

/** An entry of `hosts`: a name, `*suffix` or `prefix*`. With a port it is compared with the port, without one with the name. */
export class HostPattern {
  private readonly kind: Kind
  private readonly text: ArrayBuffer
  private readonly hasPort: bool

  constructor(entry: string) {
    let text = Bytes.toString(Bytes.toLowerCase(Bytes.of(entry)))
    let kind = Kind.Exact
    if (text.startsWith("*")) {
      kind = Kind.Suffix
      text = text.substring(1)
    } else if (text.endsWith("*")) {
      kind = Kind.Prefix
      text = text.substring(0, text.length - 1)
    }
    const colon = portColon(text)
    this.kind = kind
    this.hasPort = colon >= 0
    // The start of a name has no end that could be put otherwise.
    if (kind == Kind.Prefix) text = text.startsWith("[") ? text.substring(1) : text
    else text = colon < 0 ? normalName(text) : normalName(text.substring(0, colon)) + text.substring(colon)
    this.text = Bytes.of(text)
  }

  matches(host: RequestHost): bool {
    const subject = this.hasPort ? host.withPort : host.name
    if (this.kind == Kind.Exact) return Bytes.equal(subject, this.text)
    return this.kind == Kind.Suffix ? Bytes.endsWith(subject, this.text) : Bytes.startsWith(subject, this.text)
  }
}

enum Kind {
  Exact,
  Prefix,
  Suffix,
}

/** Where `:port` begins, or -1: colons inside brackets, or several without brackets, are those of an IPv6 address. */
function portColon(text: string): i32 {
  const colon = text.lastIndexOf(":")
  if (colon < 0) return -1
  const bracket = text.lastIndexOf("]")
  if (bracket >= 0) return colon > bracket ? colon : -1
  return text.indexOf(":") == colon ? colon : -1
}

function normalName(name: string): string {
  if (name.startsWith("[") && name.endsWith("]")) return name.substring(1, name.length - 1)
  return name.length > 1 && name.endsWith(".") ? name.substring(0, name.length - 1) : name
}
