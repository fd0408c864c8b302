import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { parseDocument } from 'yaml'
import type { Json } from '../json.ts'
import { decodeProtobuf, ProtobufError } from '../protobuf/decode.ts'
import { ApiError, badRequest, tooLarge, unsupportedMediaType } from '../status.ts'
import { duplicateKeys } from './duplicate-keys.ts'

/** apiserver's MaxRequestBodyBytes. */
const BODY_LIMIT = 3 * 1024 * 1024

/** What comes after the limit is read and dropped: a stream that is cut off would take the answer with it. */
export function readBody(request: IncomingMessage | Http2ServerRequest): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= BODY_LIMIT) chunks.push(chunk)
      else if (length - chunk.length <= BODY_LIMIT) reject(tooLarge(BODY_LIMIT))
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', reject)
    request.on('close', () => reject(badRequest('the client closed the request before its body had arrived')))
  })
}

export interface DecodedBody {
  readonly value: Json
  /** Paths of keys that occur twice. */
  readonly duplicates: readonly string[]
}

/** `undefined` for an empty body. Without a content type it is JSON, as clients of DELETE send it. */
export function decodeBody(body: Buffer, contentType: string | undefined): DecodedBody | undefined {
  if (body.length === 0) return undefined
  const type = (contentType ?? '').split(';')[0].trim().toLowerCase()
  if (type === '' || type === 'application/json' || type.endsWith('+json')) return decodeJson(body)
  if (type === 'application/yaml' || type === 'application/apply-patch+yaml') return decodeYaml(body)
  if (type === 'application/vnd.kubernetes.protobuf') return { value: protobuf(body), duplicates: [] }
  throw unsupportedMediaType(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'])
}

function protobuf(body: Buffer): Json {
  try {
    return decodeProtobuf(body)
  } catch (error) {
    if (error instanceof ProtobufError) throw new ApiError(415, 'UnsupportedMediaType', error.message)
    throw badRequest(`cannot decode the protobuf body: ${(error as Error).message}`)
  }
}

function decodeJson(body: Buffer): DecodedBody {
  const text = body.toString('utf8')
  try {
    return { value: JSON.parse(text), duplicates: duplicateKeys(text) }
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`)
  }
}

function decodeYaml(body: Buffer): DecodedBody {
  const text = body.toString('utf8')
  // kubectl's apply bodies are JSON under a YAML name; JSON.parse is a hundred times faster.
  if (text.trimStart().startsWith('{')) {
    try {
      return { value: JSON.parse(text), duplicates: duplicateKeys(text) }
    } catch {
      // YAML flow style starts the same way.
    }
  }
  const duplicates: string[] = []
  const document = parseDocument(text, { uniqueKeys: false })
  if (document.errors.length > 0) throw badRequest(`error converting YAML to JSON: ${document.errors[0].message}`)
  return { value: document.toJS({ maxAliasCount: 100 }) as Json, duplicates }
}
