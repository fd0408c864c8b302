/** Reading server name and protocols out of a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1) without answering it. */
import { asciiLower } from '../../base/byte-string.ts'

/** What is read of it; '' and none where the client does not say. */
export interface ClientHello {
  /** In lower case, as Envoy has it from there on. */
  readonly serverName: string
  readonly protocols: readonly string[]
}

/** How much is looked at, in how many records ever (Envoy: `max_client_hello_size`). A hello that is longer is no honest one. */
const MOST = 16 * 1024

/** `undefined`: more bytes are needed; `null`: this is not TLS; 'too large': it is, and goes on beyond what is looked at. */
export function readClientHello(bytes: Buffer): ClientHello | undefined | null | 'too large' {
  const handshake = joinRecords(bytes.subarray(0, MOST))
  if (handshake === undefined) return bytes.length < MOST ? undefined : 'too large'
  if (handshake === null || handshake[0] !== 1) return null
  try {
    return parse(handshake)
  } catch {
    // Lengths that point outside.
    return null
  }
}

/** A hello may be cut over several records. It is asked for again with each read: what it costs must not grow with the number of both. */
function joinRecords(bytes: Buffer): Buffer | undefined | null {
  let have = 0
  let wanted = -1
  let at = 0
  for (;;) {
    if (bytes.length > at && bytes[at] !== 22) return null
    if (bytes.length < at + 5) return undefined
    if (bytes[at + 1] !== 3) return null
    const length = lengthAt(bytes, at + 3)
    if (length === 0) return null
    const end = at + 5 + length
    have += Math.min(end, bytes.length) - at - 5
    if (wanted === -1 && have >= 4) {
      wanted = 4 + contents(bytes, 4).readUIntBE(1, 3)
      if (wanted > MOST) return null
    }
    if (wanted !== -1 && have >= wanted) return contents(bytes, wanted)
    if (end > bytes.length) return undefined
    at = end
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1]
}

/** The first bytes of what is in the records. */
function contents(bytes: Buffer, length: number): Buffer {
  const joined = Buffer.allocUnsafe(length)
  let have = 0
  for (let at = 0; have < length; ) {
    const end = at + 5 + lengthAt(bytes, at + 3)
    have += bytes.copy(joined, have, at + 5, Math.min(end, bytes.length))
    at = end
  }
  return joined
}

function parse(hello: Buffer): ClientHello {
  let serverName = ''
  const protocols: string[] = []
  let at = 4 + 2 + 32
  at += 1 + hello[at]
  at += 2 + hello.readUInt16BE(at)
  at += 1 + hello[at]
  if (at + 2 > hello.length) return { serverName, protocols }
  const end = at + 2 + hello.readUInt16BE(at)
  at += 2
  while (at + 4 <= end) {
    const type = hello.readUInt16BE(at)
    const length = hello.readUInt16BE(at + 2)
    const body = hello.subarray(at + 4, at + 4 + length)
    at += 4 + length
    if (type === 0 && body.length > 5 && body[2] === 0)
      serverName = asciiLower(body.toString('latin1', 5, 5 + body.readUInt16BE(3)))
    else if (type === 16) {
      for (let i = 2; i < body.length; i += 1 + body[i]) protocols.push(body.toString('latin1', i + 1, i + 1 + body[i]))
    }
  }
  return { serverName, protocols }
}
