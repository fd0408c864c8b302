import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { RegistryError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { checkDigest, checkName } from './names.ts'

/** `/v2/<name>/blobs/<digest>` (distribution spec, end-2, end-10). */
export async function serveBlob(exchange: Exchange, name: string, digest: string): Promise<void> {
  const { request, response, storage } = exchange
  checkDigest(digest)
  if (request.method === 'DELETE') {
    if (!(await storage.deleteBlob(name, digest))) throw unknown(digest)
    return exchange.empty(202)
  }
  exchange.allow('GET', 'HEAD', 'DELETE')
  const size = await storage.blobSize(name, digest)
  if (size === undefined) throw unknown(digest)
  const range = byteRange(request.headers.range, size)
  response.statusCode = range.partial ? 206 : 200
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('content-length', range.end - range.start)
  response.setHeader('docker-content-digest', digest)
  response.setHeader('accept-ranges', 'bytes')
  if (range.partial) response.setHeader('content-range', `bytes ${range.start}-${range.end - 1}/${size}`)
  if (request.method === 'HEAD' || size === 0) {
    response.end()
    return
  }
  const { start, end } = range
  await pipeline(createReadStream(storage.contentPath(digest), { start, end: end - 1 }), response)
}

/** `/v2/<name>/blobs/uploads/[<id>]` (end-4a, end-4b, end-5, end-6, end-11, end-13). */
export async function serveUpload(exchange: Exchange, name: string, id: string): Promise<void> {
  const { request, uploads, storage, query } = exchange
  if (id === '') {
    exchange.allow('POST')
    const mount = query.get('mount')
    const from = query.get('from')
    if (mount !== null && from !== null) {
      // "If the registry does not support cross-repository mounting or is unable to mount": an ordinary upload is begun.
      if ((await storage.blobSize(checkName(from), checkDigest(mount))) !== undefined) {
        await storage.linkBlob(name, mount)
        return exchange.created(`/v2/${name}/blobs/${mount}`, mount)
      }
    }
    const fresh = await uploads.begin(name)
    const digest = query.get('digest')
    if (digest === null) return exchange.uploading(name, fresh, 0)
    return await finish(exchange, name, fresh, digest)
  }
  switch (request.method) {
    case 'GET':
      return exchange.uploading(name, id, await uploads.offset(name, id), 204)
    case 'PATCH':
      return exchange.uploading(name, id, await uploads.append(name, id, request, request.headers['content-range']))
    case 'PUT':
      return await finish(exchange, name, id, query.get('digest') ?? '')
    case 'DELETE':
      await uploads.cancel(name, id)
      return exchange.empty(204)
    default:
      exchange.allow('GET', 'PATCH', 'PUT', 'DELETE')
  }
}

async function finish(exchange: Exchange, name: string, id: string, digest: string): Promise<void> {
  const { uploads, request } = exchange
  checkDigest(digest)
  await uploads.append(name, id, request, request.headers['content-range'])
  await uploads.finish(name, id, digest)
  exchange.created(`/v2/${name}/blobs/${digest}`, digest)
}

function unknown(digest: string): RegistryError {
  return new RegistryError(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { digest })
}

/** One range of RFC 9110 14.1.2; several, or what is no byte range, get the whole. */
function byteRange(header: string | undefined, size: number): { start: number; end: number; partial: boolean } {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return { start: 0, end: size, partial: false }
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const end = match[1] === '' || match[2] === '' ? size : Math.min(size, Number(match[2]) + 1)
  if (start >= end) throw new RegistryError(416, 'RANGE_INVALID', `the blob has ${size} bytes`)
  return { start, end, partial: true }
}
