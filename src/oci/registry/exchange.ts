import type { IncomingMessage, ServerResponse } from 'node:http'
import { RegistryError } from './errors.ts'
import type { RegistryStorage } from './storage.ts'
import type { Uploads } from './uploads.ts'

/** One request with what the handlers need to answer it. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly storage: RegistryStorage
  readonly uploads: Uploads
  readonly query: URLSearchParams

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    storage: RegistryStorage,
    uploads: Uploads,
  ) {
    this.request = request
    this.response = response
    this.query = query
    this.storage = storage
    this.uploads = uploads
  }

  /** Throws 405 unless the method is one of these. */
  allow(...methods: string[]): void {
    if (methods.includes(this.request.method ?? '')) return
    this.response.setHeader('allow', methods.join(', '))
    throw new RegistryError(405, 'UNSUPPORTED', 'the operation is unsupported')
  }

  /** The request's whole body, at most `limit` bytes. */
  async body(limit: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.request) {
      size += chunk.length
      if (size > limit) throw new RegistryError(413, 'SIZE_INVALID', `a manifest may have ${limit} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  empty(status: number): void {
    this.response.statusCode = status
    this.response.setHeader('content-length', 0)
    this.response.end()
  }

  created(location: string, digest: string): void {
    this.response.setHeader('location', location)
    this.response.setHeader('docker-content-digest', digest)
    this.empty(201)
  }

  uploading(name: string, id: string, offset: number, status = 202): void {
    this.response.setHeader('location', `/v2/${name}/blobs/uploads/${id}`)
    this.response.setHeader('docker-upload-uuid', id)
    this.response.setHeader('range', `0-${Math.max(0, offset - 1)}`)
    if (status === 204) {
      this.response.statusCode = 204
      this.response.end()
      return
    }
    this.empty(status)
  }

  json(value: unknown, type = 'application/json'): void {
    const body = Buffer.from(JSON.stringify(value))
    this.response.setHeader('content-type', type)
    this.response.setHeader('content-length', body.length)
    this.response.end(this.request.method === 'HEAD' ? undefined : body)
  }
}
