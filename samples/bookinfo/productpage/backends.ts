import { backend, getJson } from '../lib/call.ts'

const TIMEOUT_MS = 3000

/** What a back end said, or why it is missing. */
export interface Answer<T> {
  readonly status: number
  readonly body: T | undefined
  readonly error: string | undefined
}

export interface Details {
  readonly publisher?: string
  readonly pages?: number
  readonly type?: string
  readonly language?: string
  readonly 'ISBN-10'?: string
}

export interface Review {
  readonly reviewer: string
  readonly text: string
  readonly rating?: { readonly stars: number; readonly color: string; readonly error?: string }
}

export interface Reviews {
  readonly podname?: string
  readonly clustername?: string
  readonly reviews: readonly Review[]
}

type Headers = Record<string, string>

/** The three services behind the page, and how often each answered what. */
export class Backends {
  /** `destination_app` and `response_code` as label text, to a count. */
  readonly results = new Map<string, number>()
  readonly urls: Record<'details' | 'reviews' | 'ratings', string>

  constructor(env: NodeJS.ProcessEnv) {
    this.urls = { details: backend('details', env), reviews: backend('reviews', env), ratings: backend('ratings', env) }
  }

  details(id: string, headers: Headers): Promise<Answer<Details>> {
    return this.#ask('details', id, headers, 'product details', 1)
  }

  /** Asked twice, so that it takes up to 6 s to fail: the fault that the sample's fault injection task sets out to find. */
  reviews(id: string, headers: Headers): Promise<Answer<Reviews>> {
    return this.#ask('reviews', id, headers, 'product reviews', 2)
  }

  ratings(id: string, headers: Headers): Promise<Answer<unknown>> {
    return this.#ask('ratings', id, headers, 'product ratings', 1)
  }

  /** Prometheus text format. */
  metrics(): string {
    const lines = [
      '# HELP request_result_total Results of requests to the services behind the page.',
      '# TYPE request_result_total counter',
    ]
    for (const [labels, count] of this.results) lines.push(`request_result_total{${labels}} ${count}`)
    return `${lines.join('\n')}\n`
  }

  async #ask<T>(
    app: 'details' | 'reviews' | 'ratings',
    id: string,
    headers: Headers,
    what: string,
    tries: number,
  ): Promise<Answer<T>> {
    let status = 500
    for (let i = 0; i < tries; i++) {
      const url = `${this.urls[app]}/${encodeURIComponent(id)}`
      const answer = await getJson(url, { headers, timeoutMs: TIMEOUT_MS })
      status = answer?.status ?? 500
      const labels = `destination_app="${app}",response_code="${status}"`
      this.results.set(labels, (this.results.get(labels) ?? 0) + 1)
      if (status === 200 && fits(app, answer?.body)) {
        return { status, body: answer?.body as T, error: undefined }
      }
    }
    const error = `Sorry, ${what} are currently unavailable for this book.`
    return { status: status === 200 ? 500 : status, body: undefined, error }
  }
}

/** So that the page can be drawn whatever a service sends. */
function fits(app: string, body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  if (app !== 'reviews') return true
  const { reviews } = body as { reviews?: unknown }
  return Array.isArray(reviews) && reviews.every((each) => typeof each?.reviewer === 'string')
}
