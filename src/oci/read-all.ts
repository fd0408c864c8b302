import { bodyError, type HttpResponse, safeUrl } from './http-transport.ts'
import { SupplyError } from './supply-error.ts'

/** A whole body in memory; for manifests, tokens and errors, never for modules. */
export async function readAll(response: HttpResponse, limit: number, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response.body) {
      size += chunk.length
      if (size > limit)
        throw new SupplyError('SL3013', `${safeUrl(response.url)} answers with more than ${limit} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw bodyError(error, response.url, signal)
  }
  return Buffer.concat(chunks)
}
