/** One entry of a header map. */
export class Header {
  constructor(
    public readonly name: string,
    public readonly value: string,
  ) {}
}

/** Count, sizes of names and values, then each name and value with a NUL after it; all numbers 32 bits, little endian. */
export function encodePairs(headers: Header[]): ArrayBuffer {
  let size = 4
  for (let i = 0, k = headers.length; i < k; i++) {
    size += 10 + String.UTF8.byteLength(headers[i].name) + String.UTF8.byteLength(headers[i].value)
  }
  const out = new ArrayBuffer(size)
  const base = changetype<usize>(out)
  store<u32>(base, headers.length)
  let sizes = base + 4
  let data = sizes + headers.length * 8
  for (let i = 0, k = headers.length; i < k; i++) {
    data = put(headers[i].name, sizes, data)
    data = put(headers[i].value, sizes + 4, data)
    sizes += 8
  }
  return out
}

function put(text: string, sizeAt: usize, data: usize): usize {
  const size = String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, data)
  store<u32>(sizeAt, <u32>size)
  store<u8>(data + size, 0)
  return data + size + 1
}

export function decodePairs(bytes: ArrayBuffer): Header[] {
  if (bytes.byteLength < 4) return []
  const base = changetype<usize>(bytes)
  const count = load<u32>(base)
  const headers: Header[] = []
  let data = base + 4 + count * 8
  for (let i: u32 = 0; i < count; i++) {
    const nameSize = load<u32>(base + 4 + i * 8)
    const valueSize = load<u32>(base + 8 + i * 8)
    const name = String.UTF8.decodeUnsafe(data, nameSize)
    const value = String.UTF8.decodeUnsafe(data + nameSize + 1, valueSize)
    headers.push(new Header(name, value))
    data += nameSize + valueSize + 2
  }
  return headers
}
