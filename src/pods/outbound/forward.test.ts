import assert from 'node:assert/strict'
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Forwarder } from './forward.ts'
import { serviceOf } from './routes.ts'

const servers: Server[] = []
async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const forwarder = new Forwarder()
let proxyPort = 0
const agent = new Agent({ keepAlive: true })

interface Answer {
  status: number
  body: string
  headers: IncomingMessage['headers']
}
function ask(
  url: string,
  options: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { method = 'GET', body, headers = {} } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port: proxyPort, host: '127.0.0.1', path: url, method, headers, agent },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }))
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

const echo =
  (name: string): RequestListener =>
  (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      response.setHeader('x-hop', 'kept')
      response.end(JSON.stringify({ name, url: request.url, method: request.method, headers: request.headers, body }))
    })
  }

before(async () => {
  const a = await listen(echo('a'))
  const b = await listen(echo('b'))
  forwarder.routes = {
    clusterIPs: { '10.96.0.9': 'default/web' },
    services: {
      'default/web': {
        80: [
          { ip: '127.0.0.1', port: a },
          { ip: '127.0.0.1', port: b },
        ],
        9090: [],
      },
      'other/web': { 80: [{ ip: '127.0.0.1', port: b }] },
      'default/dead': { 80: [{ ip: '127.0.0.1', port: 1 }] },
    },
  }
  proxyPort = await listen((request, response) => forwarder.handle('default', request, response))
})
after(() => {
  agent.destroy()
  forwarder.close()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

describe('names', () => {
  for (const [host, namespace, service] of [
    ['web', 'default', 'default/web'],
    ['web', 'other', 'other/web'],
    ['WEB.', 'default', 'default/web'],
    ['web.other', 'default', 'other/web'],
    ['web.other.svc', 'default', 'other/web'],
    ['web.other.svc.cluster.local', 'default', 'other/web'],
    ['web.other.svc.cluster.local.', 'default', 'other/web'],
    ['10.96.0.9', 'other', 'default/web'],
    ['web.other.pod', 'default', undefined],
    ['web.other.svc.example', 'default', undefined],
    ['none', 'default', undefined],
    ['constructor', 'default', undefined],
    ['127.0.0.1', 'default', undefined],
    ['www.example.com', 'default', undefined],
  ] as const) {
    test(`${host} in ${namespace}`, () => assert.equal(serviceOf(forwarder.routes, host, namespace), service))
  }
})

describe('the proxy of a Pod', () => {
  test('asks the Pods behind a Service in turn', async () => {
    const names = []
    for (let i = 0; i < 4; i++) names.push(JSON.parse((await ask('http://web/x?y=1')).body).name)
    assert.equal(names[0], names[2])
    assert.equal(names[1], names[3])
    assert.notEqual(names[0], names[1])
  })

  test('sends on method, path, headers and body, but what is meant for itself', async () => {
    const headers = {
      host: 'web.default',
      'x-a': 'b',
      'proxy-authorization': 'x',
      'proxy-connection': 'keep-alive',
      te: 'trailers',
    }
    const answer = await ask('http://web.default/p/%2e?q', { method: 'POST', body: 'question', headers })
    const got = JSON.parse(answer.body)
    assert.deepEqual(
      [got.url, got.method, got.body, got.headers.host, got.headers['x-a']],
      ['/p/%2e?q', 'POST', 'question', 'web.default', 'b'],
    )
    for (const name of ['proxy-authorization', 'proxy-connection', 'te']) assert.equal(got.headers[name], undefined)
    assert.equal(answer.headers['x-hop'], 'kept')
  })

  test('is open to what is not of the cluster', async () => {
    const { port } = forwarder.routes.services['other/web'][80][0]
    assert.equal(JSON.parse((await ask(`http://127.0.0.1:${port}/`)).body).name, 'b')
  })

  for (const [name, url, status, body] of [
    ['says when nothing is ready', 'http://web:9090/', 503, /^no healthy upstream$/],
    ['says when the port is none of the Service', 'http://web:1234/', 503, /^no healthy upstream$/],
    ['says when a Pod does not answer', 'http://dead/', 503, /^upstream connect error: 127\.0\.0\.1:1: /],
    ['says when a name is none', 'http://no-such-name.invalid/', 503, /^upstream connect error: /],
    ['is no server', '/productpage', 400, /forward proxy/],
    ['takes http only', 'ftp://web/', 400, /forward proxy/],
  ] as const) {
    test(name, async () => {
      const answer = await ask(url)
      assert.equal(answer.status, status)
      assert.match(answer.body, body)
    })
  }

  test('asks again when a kept connection was just being closed', async () => {
    let requests = 0
    const port = await listen((_, response) => {
      requests++
      response.end('ok')
      // Without telling: the next request finds a closed connection.
      if (requests === 1) setTimeout(() => response.socket?.resetAndDestroy(), 20)
    })
    Object.assign(forwarder.routes.services, { 'default/moody': { 80: [{ ip: '127.0.0.1', port }] } })
    assert.equal((await ask('http://moody/')).body, 'ok')
    await new Promise((resolve) => setTimeout(resolve, 60))
    assert.equal((await ask('http://moody/')).body, 'ok')
  })

  test('an answer that breaks off breaks off for the client too', async () => {
    const port = await listen((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('part')
      setTimeout(() => response.destroy(), 20)
    })
    await assert.rejects(ask(`http://127.0.0.1:${port}/`))
  })

  test('a client that goes away takes the upstream request with it', async () => {
    const closed = Promise.withResolvers<void>()
    const port = await listen((request) => request.on('close', () => closed.resolve()))
    const request = httpRequest({ port: proxyPort, host: '127.0.0.1', path: `http://127.0.0.1:${port}/` })
    request.on('error', () => {})
    request.end()
    setTimeout(() => request.destroy(), 50)
    await closed.promise
  })
})
