/**
 * The same bytes in memory that they do not waste: a view of a large read holds all of it, and the small buffers that `Buffer.from` makes
 * share 64 KiB, which each of them holds. For what may be kept long by connections that do nothing.
 */
export function inOwnMemory(view: Buffer): Buffer {
  return view.length * 2 >= view.buffer.byteLength ? view : ownCopy(view)
}

/** As that, of bytes that may change. */
export function ownCopy(view: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(view.length)
  copy.set(view)
  return copy
}
