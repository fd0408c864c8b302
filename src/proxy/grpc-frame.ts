/** gRPC's message framing (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message), without compression. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  return frame
}

/** The one message of a unary answer; `undefined` when the bytes are no whole, plain message. */
export function grpcMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 5 || bytes[0] !== 0) return undefined
  const length = bytes.readUInt32BE(1)
  return bytes.length < 5 + length ? undefined : bytes.subarray(5, 5 + length)
}
