import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { inflateRawSync } from 'node:zlib'

const END = 0x06054b50
const ENTRY = 0x02014b50

/** Unpacks those files of a zip archive (APPNOTE 4.3, no zip64) that `wanted` accepts, with their modes. */
export function unzip(archive: string, dir: string, wanted: (name: string) => boolean): void {
  const bytes = readFileSync(archive)
  let end = bytes.length - 22
  while (end >= 0 && bytes.readUInt32LE(end) !== END) end--
  if (end < 0) throw new Error(`${archive} is not a zip archive`)
  let at = bytes.readUInt32LE(end + 16)
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (bytes.readUInt32LE(at) !== ENTRY) throw new Error(`${archive} has a broken directory`)
    const nameLength = bytes.readUInt16LE(at + 28)
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength)
    if (!name.endsWith('/') && wanted(name)) extract(bytes, at, dir, name)
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
}

function extract(bytes: Buffer, at: number, dir: string, name: string): void {
  const path = join(dir, normalize(name))
  if (!path.startsWith(dir + sep)) throw new Error(`«${name}» would be unpacked outside of ${dir}`)
  const method = bytes.readUInt16LE(at + 10)
  const size = bytes.readUInt32LE(at + 20)
  const mode = (bytes.readUInt32LE(at + 38) >>> 16) & 0o777
  const local = bytes.readUInt32LE(at + 42)
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
  const data = bytes.subarray(start, start + size)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, method === 0 ? data : inflateRawSync(data), { mode: mode === 0 ? 0o644 : mode })
}
