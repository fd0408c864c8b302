import type { IncomingHttpHeaders, Server } from 'node:http'
import { backend, getJson } from './lib/call.ts'
import { propagateAll } from './lib/headers.ts'
import { createService, json, serve } from './lib/service.ts'

const REVIEWS = [
  {
    reviewer: 'Reviewer1',
    text: 'Two pairs of twins, one city, and not a dull minute. I laughed until the very last door slammed.',
  },
  {
    reviewer: 'Reviewer2',
    text: 'Good fun and over quickly. You will need a pencil to keep track of who is who.',
  },
]

/** A Java int: what the sample's route has always accepted as a product id. */
const MAX_INT = 2 ** 31 - 1

/** What readers said. v1 shows no stars, v2 black ones, v3 red ones. */
export function createReviews(env: NodeJS.ProcessEnv): Server {
  const withRatings = env['ENABLE_RATINGS'] === 'true'
  const color = env['STAR_COLOR'] ?? 'black'
  const timeoutMs = color === 'black' ? 10_000 : 2500
  const ratingsUrl = backend('ratings', env)

  async function ratingsOf(id: number, headers: IncomingHttpHeaders): Promise<Record<string, unknown>> {
    const answer = await getJson(`${ratingsUrl}/${id}`, { headers: propagateAll(headers), timeoutMs })
    if (answer?.status !== 200) return {}
    return (answer.body as { ratings?: Record<string, unknown> } | undefined)?.ratings ?? {}
  }

  return createService([
    { method: 'GET', path: /^\/health$/, handle: () => json(200, { status: 'Reviews is healthy' }) },
    {
      method: 'GET',
      path: /^\/reviews\/([^/]+)$/,
      handle: async ({ params, headers }) => {
        const id = /^[+-]?\d+$/.test(params[0]) ? Number(params[0]) : Number.NaN
        if (!(Math.abs(id) <= MAX_INT)) return json(404, { error: 'not found' })
        const ratings = withRatings ? await ratingsOf(id, headers) : {}
        const rating = (reviewer: string) =>
          typeof ratings[reviewer] === 'number'
            ? { stars: ratings[reviewer], color }
            : { error: 'Ratings service is currently unavailable' }
        return json(200, {
          id: String(id),
          podname: env['HOSTNAME'] ?? 'null',
          clustername: env['CLUSTER_NAME'] ?? 'null',
          reviews: REVIEWS.map((review) => (withRatings ? { ...review, rating: rating(review.reviewer) } : review)),
        })
      },
    },
  ])
}

if (import.meta.main) serve('reviews', createReviews(process.env))
