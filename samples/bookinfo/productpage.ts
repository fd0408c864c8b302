import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { propagate } from './lib/headers.ts'
import { createService, json, type Reply, type ServiceRequest, serve } from './lib/service.ts'
import { Backends } from './productpage/backends.ts'
import { FEATURED, indexPage, productPage } from './productpage/page.ts'
import { PRODUCTS } from './productpage/product.ts'
import { Sessions } from './productpage/session.ts'
import { STATIC } from './productpage/static.ts'

/** The page itself and the JSON API beside it. */
export function createProductpage(env: NodeJS.ProcessEnv): Server {
  const backends = new Backends(env)
  const sessions = new Sessions(env['SESSION_SECRET'] ?? randomBytes(32).toString('hex'))
  const flood = Number(env['FLOOD_FACTOR'] ?? 0)

  const sentOn = (request: ServiceRequest) => propagate(request.headers, sessions.userOf(request.headers))

  async function page(request: ServiceRequest): Promise<Reply> {
    const user = sessions.userOf(request.headers)
    const headers = propagate(request.headers, user)
    const id = String(FEATURED.id)
    for (let i = 0; i < flood; i++) void backends.reviews(id, headers)
    const [details, reviews] = await Promise.all([backends.details(id, headers), backends.reviews(id, headers)])
    return htmlReply(productPage({ product: FEATURED, details, reviews, user }))
  }

  const api = (ask: 'details' | 'reviews' | 'ratings') => async (request: ServiceRequest) => {
    const answer = await backends[ask](decode(request.params[0]), sentOn(request))
    return json(answer.status, answer.body ?? { error: answer.error })
  }

  return createService([
    { method: 'GET', path: /^\/productpage$/, handle: page },
    { method: 'GET', path: /^\/(?:index\.html)?$/, handle: () => htmlReply(indexPage(backends.urls)) },
    { method: 'GET', path: /^\/health$/, handle: () => ({ status: 200, body: 'Product page is healthy' }) },
    {
      method: 'POST',
      path: /^\/login$/,
      handle: async (request) => {
        const user = new URLSearchParams(await request.text()).get('username') ?? ''
        return back(request, user === '' ? sessions.signOut() : sessions.signIn(user))
      },
    },
    { method: 'GET', path: /^\/logout$/, handle: (request) => back(request, sessions.signOut()) },
    { method: 'GET', path: /^\/api\/v1\/products$/, handle: () => json(200, PRODUCTS) },
    { method: 'GET', path: /^\/api\/v1\/products\/([^/]+)$/, handle: api('details') },
    { method: 'GET', path: /^\/api\/v1\/products\/([^/]+)\/reviews$/, handle: api('reviews') },
    { method: 'GET', path: /^\/api\/v1\/products\/([^/]+)\/ratings$/, handle: api('ratings') },
    {
      method: 'GET',
      path: /^\/metrics$/,
      handle: () => ({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: backends.metrics() }),
    },
    { method: 'GET', path: /^\/static\/(.+)$/, handle: ({ params }) => staticFile(params[0]) },
  ])
}

function staticFile(path: string): Reply {
  const file = Object.hasOwn(STATIC, path) ? STATIC[path] : undefined
  if (file === undefined) return json(404, { error: 'not found' })
  return { status: 200, ...file, headers: { 'cache-control': 'max-age=300' } }
}

function htmlReply(body: string): Reply {
  return { status: 200, type: 'text/html; charset=utf-8', body }
}

/** To where the user came from, but never off this site: a Referer can be anything, `//elsewhere` too. */
function back(request: ServiceRequest, cookie: string): Reply {
  const referer = URL.parse(request.headers.referer ?? '')
  const here = referer !== null && referer.host === request.headers.host
  const location = here ? `${referer.pathname.replace(/^\/+/, '/')}${referer.search}` : '/productpage'
  return { status: 302, body: '', headers: { location, 'set-cookie': cookie } }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

if (import.meta.main) serve('productpage', createProductpage(process.env))
