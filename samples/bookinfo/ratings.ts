import type { Server } from 'node:http'
import { createService, json, type Reply, serve } from './lib/service.ts'

type Ratings = Record<string, number>

/** Stars per reviewer. SERVICE_VERSION chooses among the faults that the sample is known for. */
export function createRatings(env: NodeJS.ProcessEnv): Server {
  const version = env['SERVICE_VERSION'] ?? 'v1'
  const stored = new Map<number, Ratings>()
  const fault = faultOf(version)

  const read = (id: number) => ({ id, ratings: stored.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } })

  return createService([
    {
      method: 'GET',
      path: /^\/health$/,
      handle: () =>
        version === 'v-unhealthy' && fault.unavailable()
          ? json(500, { status: 'Ratings is not healthy' })
          : json(200, { status: 'Ratings is healthy' }),
    },
    {
      method: 'GET',
      path: /^\/ratings\/([^/]*)/,
      handle: async ({ params }) => {
        const id = Number.parseInt(params[0], 10)
        if (Number.isNaN(id)) return json(400, { error: 'please provide numeric product ID' })
        if (fault.unavailable()) return json(503, { error: 'Service unavailable' })
        await fault.delay()
        return json(200, read(id))
      },
    },
    {
      method: 'POST',
      path: /^\/ratings\/([^/]*)/,
      handle: async (request): Promise<Reply> => {
        const id = Number.parseInt(request.params[0], 10)
        if (Number.isNaN(id)) return json(400, { error: 'please provide numeric product ID' })
        const ratings = parseRatings(await request.text())
        if (ratings === undefined) return json(400, { error: 'please provide valid ratings JSON' })
        if (version === 'v2') return json(501, { error: 'Post not implemented for database backed ratings' })
        stored.set(id, ratings)
        return json(200, read(id))
      },
    },
  ])
}

function parseRatings(text: string): Ratings | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Ratings) : undefined
  } catch {
    return undefined
  }
}

interface Fault {
  unavailable(): boolean
  delay(): Promise<void>
}

function faultOf(version: string): Fault {
  const started = Date.now()
  const alternating = (periodMs: number) => () => Math.floor((Date.now() - started) / periodMs) % 2 === 1
  const never = () => false
  const atOnce = () => Promise.resolve()
  switch (version) {
    case 'v-faulty':
      return { unavailable: () => Math.random() < 0.5, delay: atOnce }
    case 'v-delayed':
      return {
        unavailable: never,
        delay: () => (Math.random() < 0.5 ? atOnce() : new Promise((resolve) => setTimeout(resolve, 7000))),
      }
    case 'v-unavailable':
      return { unavailable: alternating(60_000), delay: atOnce }
    case 'v-unhealthy':
      return { unavailable: alternating(15 * 60_000), delay: atOnce }
    default:
      return { unavailable: never, delay: atOnce }
  }
}

if (import.meta.main) serve('ratings', createRatings(process.env))
