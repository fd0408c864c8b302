/** Node writes in front of a session which server it was with: this, and the length (16 bits) and text of the name. */
const WITH_NAME = Buffer.from('\0nodejs:tls:session:1\0')
const SEQUENCE = 0x30

/**
 * The session ID in an OpenSSL session (SSL_SESSION_get_id), which Node gives in its ASN.1 form only: a sequence of version, protocol,
 * cipher and ID. '' where there is none.
 */
export function sessionId(session: Buffer | undefined): string {
  if (session === undefined) return ''
  const named = session.subarray(0, WITH_NAME.length).equals(WITH_NAME)
  const start = named ? WITH_NAME.length + 2 + session.readUInt16BE(WITH_NAME.length) : 0
  return session[start] === SEQUENCE ? fourthField(session, start) : ''
}

function fourthField(session: Buffer, start: number): string {
  let at = contentOf(session, start)
  for (let field = 0; field < 3; field++) at = contentOf(session, at) + lengthOf(session, at)
  const content = contentOf(session, at)
  return session.toString('hex', content, content + lengthOf(session, at))
}

/** X.690 8.1.3: up to 127 the length itself, else the number of bytes that it takes. */
function lengthOf(der: Buffer, at: number): number {
  const first = der[at + 1]
  return first < 0x80 ? first : der.readUIntBE(at + 2, first & 0x7f)
}

function contentOf(der: Buffer, at: number): number {
  const first = der[at + 1]
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f)
}
