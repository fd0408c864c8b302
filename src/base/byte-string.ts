/**
 * Text as the string of its bytes in UTF-8, one character a byte: what headers, logs and answers of our own are made of. Given
 * a byte string it would encode that once more.
 */
export function byteString(text: string): string {
  if (Buffer.byteLength(text) === text.length) return text
  return Buffer.from(text, 'utf8').latin1Slice()
}

/** With the letters of ASCII in lower case, and all else as it is: how Envoy compares without case, whatever UTF-8 the text holds. */
export function asciiLower(text: string): string {
  const lower = text.toLowerCase()
  return lower === text || isAscii(text) ? lower : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/** A byte string as text: for what is no header, as JSON and protobuf are. */
export function textOf(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').utf8Slice()
}
