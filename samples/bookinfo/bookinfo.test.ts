import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createDetails } from './details.ts'
import { createProductpage } from './productpage.ts'
import { createRatings } from './ratings.ts'
import { createReviews } from './reviews.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

async function start(server: Server): Promise<{ url: string; port: string }> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port: String(port) }
}

// biome-ignore lint/suspicious/noExplicitAny: each test asserts the shape that it reads
async function jsonAt(url: string): Promise<any> {
  const answer = await fetch(url)
  assert.equal(answer.status, 200, url)
  return answer.json()
}

const fake = (listener: RequestListener) => start(createServer(listener))

/** A port where nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}

const backendAt = (name: string, port: string) => ({
  [`${name}_HOSTNAME`]: '127.0.0.1',
  [`${name}_SERVICE_PORT`]: port,
})

async function graph(reviewsEnv: NodeJS.ProcessEnv = {}) {
  const details = await start(createDetails({}))
  const ratings = await start(createRatings({}))
  const reviews = await start(
    createReviews({ HOSTNAME: 'reviews-v9-abc', ...reviewsEnv, ...backendAt('RATINGS', ratings.port) }),
  )
  const env = {
    ...backendAt('DETAILS', details.port),
    ...backendAt('REVIEWS', reviews.port),
    ...backendAt('RATINGS', ratings.port),
  }
  return { page: await start(createProductpage(env)), details, ratings, reviews, env }
}

describe('details', async () => {
  const { url } = await start(createDetails({}))
  const facts =
    '"author":"William Shakespeare","year":1595,"type":"paperback","pages":200,"publisher":"PublisherA","language":"English","ISBN-10":"1234567890","ISBN-13":"123-1234567890"}'
  for (const [path, status, body] of [
    ['/details/0', 200, `{"id":0,${facts}`],
    ['/details/123', 200, `{"id":123,${facts}`],
    ['/details/a/b/7', 200, `{"id":7,${facts}`],
    ['/details/x', 400, '{"error":"please provide numeric product id"}'],
    ['/details', 400, '{"error":"please provide numeric product id"}'],
    ['/health', 200, '{"status":"Details is healthy"}'],
    ['/elsewhere', 404, '{"error":"not found"}'],
  ] as const) {
    test(path, async () => {
      const answer = await fetch(url + path)
      assert.equal(answer.status, status)
      assert.equal(await answer.text(), body)
    })
  }

  test('v2 reads the public book service', async () => {
    const volume = { authors: ['W. S.'], publisher: 'D', printType: 'BOOK', language: 'en', pageCount: 96 }
    const google = await fake((request, response) => {
      const items = request.url === '/books/v1/volumes?q=isbn:0486424618' ? [{ volumeInfo: volume }] : []
      response.end(JSON.stringify({ items }))
    })
    const v2 = await start(createDetails({ ENABLE_EXTERNAL_BOOK_SERVICE: 'true', BOOK_SERVICE_URL: google.url }))
    const book = await jsonAt(`${v2.url}/details/5`)
    assert.deepEqual(book, {
      id: 5,
      author: 'W. S.',
      type: 'paperback',
      pages: 96,
      publisher: 'D',
      language: 'English',
    })
  })
})

describe('ratings', async () => {
  const { url } = await start(createRatings({}))
  const post = (path: string, body: string, base = url) => fetch(base + path, { method: 'POST', body })

  test('has two ratings for every product, until others are posted', async () => {
    assert.equal(await (await fetch(`${url}/ratings/7`)).text(), '{"id":7,"ratings":{"Reviewer1":5,"Reviewer2":4}}')
    const posted = await post('/ratings/7', '{"Reviewer1":1}')
    assert.equal(posted.status, 200)
    assert.equal(await posted.text(), '{"id":7,"ratings":{"Reviewer1":1}}')
    assert.equal(await (await fetch(`${url}/ratings/7`)).text(), '{"id":7,"ratings":{"Reviewer1":1}}')
    assert.equal(await (await fetch(`${url}/ratings/8`)).text(), '{"id":8,"ratings":{"Reviewer1":5,"Reviewer2":4}}')
  })
  test('refuses what is no product and what is no JSON', async () => {
    const get = await fetch(`${url}/ratings/x`)
    assert.deepEqual([get.status, await get.text()], [400, '{"error":"please provide numeric product ID"}'])
    for (const body of ['{', '[]', 'null', '3']) {
      const answer = await post('/ratings/1', body)
      assert.deepEqual(
        [answer.status, await answer.text()],
        [400, '{"error":"please provide valid ratings JSON"}'],
        body,
      )
    }
  })
  test('v2 stores nothing', async () => {
    const v2 = await start(createRatings({ SERVICE_VERSION: 'v2' }))
    assert.equal((await post('/ratings/1', '{}', v2.url)).status, 501)
  })
  test('v-faulty fails half of the requests, and says how', async () => {
    const faulty = await start(createRatings({ SERVICE_VERSION: 'v-faulty' }))
    const seen = new Set<string>()
    for (let i = 0; i < 200 && seen.size < 2; i++) {
      const answer = await fetch(`${faulty.url}/ratings/1`)
      seen.add(`${answer.status} ${await answer.text()}`)
    }
    assert.deepEqual([...seen].sort(), [
      '200 {"id":1,"ratings":{"Reviewer1":5,"Reviewer2":4}}',
      '503 {"error":"Service unavailable"}',
    ])
  })
})

describe('reviews', () => {
  const versions: [string, NodeJS.ProcessEnv, unknown][] = [
    ['v1', {}, undefined],
    ['v2', { ENABLE_RATINGS: 'true', STAR_COLOR: 'black' }, { stars: 5, color: 'black' }],
    ['v3', { ENABLE_RATINGS: 'true', STAR_COLOR: 'red' }, { stars: 5, color: 'red' }],
  ]
  for (const [version, env, rating] of versions) {
    test(version, async () => {
      const { reviews } = await graph(env)
      const body = await jsonAt(`${reviews.url}/reviews/0`)
      assert.deepEqual(Object.keys(body), ['id', 'podname', 'clustername', 'reviews'])
      assert.equal(body.id, '0')
      assert.equal(body.podname, 'reviews-v9-abc')
      assert.equal(body.clustername, 'null')
      assert.equal(body.reviews.length, 2)
      assert.deepEqual(body.reviews[0].rating, rating)
    })
  }
  const missing = { error: 'Ratings service is currently unavailable' }
  const faults: [string, RequestListener | undefined][] = [
    ['refuses', undefined],
    ['answers 503', (_, response) => response.writeHead(503).end('{}')],
    ['does not know the reviewer', (_, response) => response.end('{"id":0,"ratings":{}}')],
    ['sends no JSON', (_, response) => response.end('<html>')],
    ['takes longer than 2.5 s', () => {}],
  ]
  for (const [name, listener] of faults) {
    test(`still answers 200 when ratings ${name}`, async () => {
      const port = listener === undefined ? await closedPort() : (await fake(listener)).port
      const env = { ENABLE_RATINGS: 'true', STAR_COLOR: 'red', ...backendAt('RATINGS', port) }
      const { url } = await start(createReviews(env))
      const body = await jsonAt(`${url}/reviews/0`)
      assert.deepEqual(body.reviews[1].rating, missing)
    })
  }
  test('ids are Java ints', async () => {
    const { reviews } = await graph()
    for (const id of ['x', '1.5', '99999999999', '%20']) {
      assert.equal((await fetch(`${reviews.url}/reviews/${id}`)).status, 404, id)
    }
  })
})

describe('productpage', async () => {
  const { page, details, reviews } = await graph({ ENABLE_RATINGS: 'true', STAR_COLOR: 'red' })

  test('shows title, details, reviews with stars, and who served them', async () => {
    const answer = await fetch(`${page.url}/productpage`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
    const text = await answer.text()
    for (const part of [
      '<title>Simple Bookstore App</title>',
      'BookInfo Sample',
      'id="sign-in-button"',
      '<h1>The Comedy of Errors</h1>',
      '<td>1234567890</td><td>PublisherA</td><td>200</td><td>paperback</td><td>English</td>',
      'Reviews served by: <code>reviews-v9-abc</code>',
    ]) {
      assert.ok(text.includes(part), part)
    }
    assert.equal(text.match(/class="glyphicon glyphicon-star"/g)?.length, 9)
    assert.equal(text.match(/class="glyphicon glyphicon-star-empty"/g)?.length, 1)
    assert.ok(!text.includes('on cluster'))
  })

  test('everything that the page refers to is on the page’s own server', async () => {
    const text = await (await fetch(`${page.url}/productpage`)).text()
    const links = [...text.matchAll(/(?:src|href)="(static[^"]+)"/g)].map((match) => match[1])
    assert.ok(links.length >= 3)
    for (const link of links) assert.equal((await fetch(`${page.url}/${link}`)).status, 200, link)
    assert.deepEqual(text.match(/(?:src|href)="https?:[^"]+"/g), [
      'href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors"',
    ])
    for (const path of ['/static/none', '/static/constructor', '/nowhere']) {
      assert.equal((await fetch(page.url + path)).status, 404, path)
    }
  })

  test('the JSON API passes on what the services say', async () => {
    const list = await jsonAt(`${page.url}/api/v1/products`)
    assert.equal(list[0].id, 0)
    assert.equal(list[0].title, 'The Comedy of Errors')
    for (const [path, there] of [
      ['/api/v1/products/0', `${details.url}/details/0`],
      ['/api/v1/products/0/reviews', `${reviews.url}/reviews/0`],
    ]) {
      assert.deepEqual(await jsonAt(page.url + path), await jsonAt(there))
    }
    const ratings = await jsonAt(`${page.url}/api/v1/products/3/ratings`)
    assert.deepEqual(ratings, { id: 3, ratings: { Reviewer1: 5, Reviewer2: 4 } })
    const wrong = await fetch(`${page.url}/api/v1/products/x`)
    assert.equal(wrong.status, 400)
    assert.deepEqual(await wrong.json(), {
      error: 'Sorry, product details are currently unavailable for this book.',
    })
  })

  test('failing services leave their error in their place, and 200', async () => {
    let tries = 0
    const broken = await fake((_, response) => {
      tries++
      response.writeHead(503).end('no')
    })
    const down = await closedPort()
    const env = { ...backendAt('DETAILS', down), ...backendAt('REVIEWS', broken.port) }
    const lonely = await start(createProductpage(env))
    const answer = await fetch(`${lonely.url}/productpage`)
    const text = await answer.text()
    assert.equal(answer.status, 200)
    assert.match(text, /Error fetching product details/)
    assert.match(text, /Sorry, product details are currently unavailable for this book\./)
    assert.match(text, /Error fetching product reviews/)
    assert.equal(tries, 2, 'reviews are asked twice, and not more')
    assert.equal((await fetch(`${lonely.url}/api/v1/products/0`)).status, 500)
    assert.equal((await fetch(`${lonely.url}/api/v1/products/0/reviews`)).status, 503)
    const metrics = await (await fetch(`${lonely.url}/metrics`)).text()
    assert.match(metrics, /^request_result_total\{destination_app="details",response_code="500"\} 2$/m)
    assert.match(metrics, /^request_result_total\{destination_app="reviews",response_code="503"\} 4$/m)
  })

  test('gives up on each back end after 3 s', async () => {
    let asked = 0
    const silent = await fake(() => {
      asked++
    })
    const env = { ...backendAt('DETAILS', silent.port), ...backendAt('RATINGS', silent.port) }
    const lonely = await start(createProductpage(env))
    const answer = await fetch(`${lonely.url}/api/v1/products/0`)
    assert.equal(answer.status, 500)
    assert.equal(asked, 1)
  })

  test('sends on trace context, user agent, credentials and the signed-in user', async () => {
    const seen: IncomingHttpHeaders[] = []
    const spy = await fake((request, response) => {
      seen.push(request.headers)
      response.end('{"reviews":[]}')
    })
    const env = { ...backendAt('DETAILS', spy.port), ...backendAt('REVIEWS', spy.port) }
    const spied = await start(createProductpage(env))
    const login = await fetch(`${spied.url}/login`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'jason', passwd: 'any' }),
      headers: { referer: `${spied.url}/productpage?u=normal` },
      redirect: 'manual',
    })
    assert.equal(login.status, 302)
    assert.equal(login.headers.get('location'), '/productpage?u=normal')
    const cookie = login.headers.get('set-cookie')!.split(';')[0]
    const sent = {
      'x-request-id': 'r1',
      'x-b3-traceid': '80f198ee56343ba864fe8b2a57d3eff7',
      'x-b3-spanid': 'e457b5a2e4d86bd1',
      'x-b3-sampled': '1',
      sw8: '40c7fdf104e3de67',
      traceparent: '00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01',
      authorization: 'Basic YWRtaW4zOmFkbWluMw==',
      'user-agent': 'tester',
      cookie,
    }
    await fetch(`${spied.url}/productpage`, { headers: { ...sent, 'end-user': 'forged', 'x-private': '1' } })
    assert.equal(seen.length, 2)
    for (const headers of seen) {
      for (const [name, value] of Object.entries({ ...sent, 'end-user': 'jason' })) assert.equal(headers[name], value)
      assert.equal(headers['x-private'], undefined)
    }
    const page = await (await fetch(`${spied.url}/productpage`, { headers: { cookie } })).text()
    assert.match(page, /id="user">jason</)
    assert.match(page, /href="logout"/)
  })

  test('a session that was not signed here is nobody’s', async () => {
    const forged = Buffer.from('{"user":"jason"}').toString('base64url')
    for (const cookie of [`session=${forged}.x`, `session=${forged}`, 'session=', 'session=%%%']) {
      const text = await (await fetch(`${page.url}/productpage`, { headers: { cookie } })).text()
      assert.match(text, /id="sign-in-button"/, cookie)
    }
  })

  test('never redirects off the site', async () => {
    for (const [referer, location] of [
      ['https://elsewhere.example/x', '/productpage'],
      [`${page.url}//elsewhere.example/x`, '/elsewhere.example/x'],
      ['nonsense', '/productpage'],
      [undefined, '/productpage'],
    ] as const) {
      const headers = referer === undefined ? undefined : { referer }
      const answer = await fetch(`${page.url}/logout`, { headers, redirect: 'manual' })
      assert.equal(answer.headers.get('location'), location)
    }
  })

  test('escapes what comes from outside', async () => {
    const evil = '<script>alert(1)</script>'
    const hostile = await fake((_, response) => {
      const rating = { stars: 1e9, color: '"><script>' }
      response.end(
        JSON.stringify({ publisher: evil, podname: evil, reviews: [{ reviewer: evil, text: evil, rating }] }),
      )
    })
    const env = { ...backendAt('DETAILS', hostile.port), ...backendAt('REVIEWS', hostile.port) }
    const { url } = await start(createProductpage(env))
    const text = await (await fetch(`${url}/productpage`)).text()
    assert.ok(!text.includes(evil))
    assert.ok(text.includes('&lt;script&gt;alert(1)&lt;/script&gt;'))
  })

  test('stands answers of the wrong shape', async () => {
    for (const body of ['null', '7', '{"reviews":null}', '{"reviews":[null]}', '{"reviews":[{"rating":null}]}']) {
      const odd = await fake((_, response) => response.end(body))
      const env = { ...backendAt('DETAILS', odd.port), ...backendAt('REVIEWS', odd.port) }
      const { url } = await start(createProductpage(env))
      assert.equal((await fetch(`${url}/productpage`)).status, 200, body)
    }
  })

  test('index, health, and methods', async () => {
    assert.match(await (await fetch(`${page.url}/`)).text(), /productpage\?u=normal/)
    assert.equal(await (await fetch(`${page.url}/health`)).text(), 'Product page is healthy')
    assert.equal((await fetch(`${page.url}/productpage`, { method: 'HEAD' })).status, 200)
    assert.equal((await fetch(`${page.url}/productpage`, { method: 'DELETE' })).status, 405)
  })
})

test('a service that is told to end goes on serving until its clients have heard of it', async () => {
  const port = await closedPort()
  const program = fileURLToPath(new URL('./details.ts', import.meta.url))
  const child = spawn(process.execPath, [program], { env: { POD_IP: '127.0.0.1', PORT: port } })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).headers.get('connection'), 'keep-alive')
  child.kill('SIGTERM')
  let last = ''
  while (last !== 'close') {
    const answer = await fetch(`http://127.0.0.1:${port}/health`)
    assert.equal(answer.status, 200)
    last = answer.headers.get('connection') ?? ''
  }
  assert.deepEqual(await exited, [0, null])
})
