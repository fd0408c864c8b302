import type { Server } from 'node:http'
import { getJson } from './lib/call.ts'
import { propagateAll } from './lib/headers.ts'
import { createService, json, type ServiceRequest, serve } from './lib/service.ts'

/** What the public book service is asked for (v2): the edition that the sample has always shown. */
const ISBN = '0486424618'

/** Bibliographic facts about a book; v2 asks a public book service for them. */
export function createDetails(env: NodeJS.ProcessEnv): Server {
  const external = env['ENABLE_EXTERNAL_BOOK_SERVICE'] === 'true'
  return createService([
    { method: 'GET', path: /^\/health$/, handle: () => json(200, { status: 'Details is healthy' }) },
    {
      method: 'GET',
      path: /^\/details(?:\/.*)?$/,
      handle: (request) => {
        const last = request.path.slice(request.path.lastIndexOf('/') + 1)
        if (!/^[+-]?\d+$/.test(last)) return json(400, { error: 'please provide numeric product id' })
        return external ? fromBookService(Number(last), request, env) : json(200, book(Number(last)))
      },
    },
  ])
}

function book(id: number) {
  return {
    id,
    author: 'William Shakespeare',
    year: 1595,
    type: 'paperback',
    pages: 200,
    publisher: 'PublisherA',
    language: 'English',
    'ISBN-10': '1234567890',
    'ISBN-13': '123-1234567890',
  }
}

interface Volume {
  authors?: string[]
  publishedDate?: string
  printType?: string
  pageCount?: number
  publisher?: string
  language?: string
  industryIdentifiers?: { type: string; identifier: string }[]
}

async function fromBookService(id: number, request: ServiceRequest, env: NodeJS.ProcessEnv) {
  // Plain HTTP lets a mesh see the call and originate the TLS itself.
  const origin = env['BOOK_SERVICE_URL'] ?? 'http://www.googleapis.com'
  const url = `${origin}/books/v1/volumes?q=isbn:${ISBN}`
  const answer = await getJson(url, { headers: propagateAll(request.headers), timeoutMs: 5000 })
  const volume = (answer?.body as { items?: { volumeInfo?: Volume }[] } | undefined)?.items?.[0]?.volumeInfo
  if (answer?.status !== 200 || volume === undefined) return json(500, { error: 'the book service did not answer' })
  const isbn = (type: string) => volume.industryIdentifiers?.find((each) => each.type === type)?.identifier
  return json(200, {
    id,
    author: volume.authors?.[0],
    year: volume.publishedDate,
    type: volume.printType === 'BOOK' ? 'paperback' : 'unknown',
    pages: volume.pageCount,
    publisher: volume.publisher,
    language: volume.language === 'en' ? 'English' : 'unknown',
    'ISBN-10': isbn('ISBN_10'),
    'ISBN-13': isbn('ISBN_13'),
  })
}

if (import.meta.main) serve('details', createDetails(process.env))
