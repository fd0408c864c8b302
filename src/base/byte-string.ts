/**
 * Text as the string of its bytes in UTF-8, one character a byte: what headers, logs and answers of our own are made of. Given
 * a byte string it would encode that once more.
 */
export function byteString(text: string): string {
  if (Buffer.byteLength(text) === text.length) return text
  return Buffer.from(text, 'utf8').latin1Slice()
}

/** A byte string as text: for what is no header, as JSON and protobuf are. */
export function textOf(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 0x7f) return Buffer.from(bytes, 'latin1').utf8Slice()
  }
  return bytes
}
