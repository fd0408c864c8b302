import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { extractFromTar, looksLikeTar, SupplyError, type UnpackLimits, unpacked, writeStream } from '../../oci/index.ts'

const MAX_LAYERS = 5

/**
 * Unpacks a downloaded file until it is a module: gzip and tar in any nesting (Istio's unboxIfPossible). Returns the file that is
 * no box any more; whether it is a module is for the caller to check. Of an archive the first plain file counts.
 */
export async function unbox(path: string, work: string, limits: UnpackLimits): Promise<string> {
  let current = path
  for (let layer = 0; ; layer++) {
    const head = await firstBytes(current, 262)
    const gzip = head[0] === 0x1f && head[1] === 0x8b
    if (!gzip && !looksLikeTar(head)) return current
    // Boxes in boxes multiply the ratio that each of them keeps.
    if (layer === MAX_LAYERS) throw new SupplyError('SL3014', `more than ${MAX_LAYERS} archives inside each other`)
    const next = join(work, `unboxed-${layer}`)
    if (gzip) await writeStream(unpacked(current, 'gzip', limits), next)
    else {
      const { found } = await extractFromTar(current, 'none', limits, () => true, next)
      if (found === undefined) throw new SupplyError('SL3012', 'the archive holds no file')
    }
    current = next
  }
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
