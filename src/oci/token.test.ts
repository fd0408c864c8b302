import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { RegistryClient } from './client.ts'
import type { Credential } from './credentials.ts'
import { HttpTransport } from './http-transport.ts'
import { MediaType } from './media-types.ts'
import { parseReference } from './reference.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function listen(handle: Handler): Promise<{ host: string; close(): Promise<void> }> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, layers: [] })

/** A registry that wants a bearer token, and its token server on the same host. */
async function tokenRegistry(token: Handler) {
  const registry = await listen((request, response) => {
    if (request.url?.startsWith('/token')) {
      token(request, response)
      return
    }
    if (request.headers.authorization === 'Bearer good') {
      response.end(manifest)
      return
    }
    const realm = `http://${registry.host}/token`
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="svc",scope="ignored"` }).end()
  })
  return registry
}

async function pull(host: string, credential?: Credential): Promise<void> {
  const transport = new HttpTransport()
  const client = new RegistryClient(parseReference(`${host}/a/b:v1`), transport, {
    credentials: async () => credential,
    retry: { attempts: 1, initialMs: 1, maxMs: 1 },
  })
  try {
    await client.manifest()
  } finally {
    transport.close()
  }
}

describe('token authentication', () => {
  it('asks with Basic for the repository’s scope', async () => {
    let asked: { url: string; authorization: string | undefined } | undefined
    const registry = await tokenRegistry((request, response) => {
      asked = { url: request.url ?? '', authorization: request.headers.authorization }
      response.end('{"token":"good"}')
    })
    await pull(registry.host, { username: 'ann', password: 'pw' })
    const query = new URLSearchParams(asked?.url.split('?')[1])
    assert.deepEqual([query.get('service'), query.get('scope')], ['svc', 'repository:a/b:pull'])
    assert.equal(asked?.authorization, `Basic ${Buffer.from('ann:pw').toString('base64')}`)
    await registry.close()
  })

  it('asks anonymously without credentials, and takes access_token', async () => {
    const registry = await tokenRegistry((request, response) => {
      assert.equal(request.headers.authorization, undefined)
      response.end('{"access_token":"good"}')
    })
    await pull(registry.host)
    await registry.close()
  })

  it('refreshes with an identity token', async () => {
    let body = ''
    const registry = await tokenRegistry((request, response) => {
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => response.end('{"access_token":"good"}'))
    })
    await pull(registry.host, { identityToken: 'refresh-me' })
    const form = new URLSearchParams(body)
    assert.deepEqual([form.get('grant_type'), form.get('refresh_token')], ['refresh_token', 'refresh-me'])
    await registry.close()
  })

  it('sends a registry token as it is', async () => {
    const registry = await tokenRegistry(() => assert.fail('the token server must not be asked'))
    await pull(registry.host, { registryToken: 'good' })
    await registry.close()
  })

  for (const [name, status, body, code] of [
    ['the token server refuses', 401, '', 'SL3004'],
    ['the token server forbids', 403, '', 'SL3005'],
    ['the token does not help', 200, '{"token":"bad"}', 'SL3004'],
    ['no token in it', 200, '{}', 'SL3009'],
    ['no JSON', 200, 'hello', 'SL3009'],
    ['a token that would split the header', 200, '{"token":"a\\r\\nb: c"}', 'SL3009'],
  ] as const) {
    it(name, async () => {
      const registry = await tokenRegistry((_, response) => response.writeHead(status).end(body))
      await assert.rejects(pull(registry.host, { username: 'ann', password: 'pw' }), { code })
      await registry.close()
    })
  }

  it('does not show credentials to a realm inside the own network', async () => {
    let asked = false
    const inside = await listen((_, response) => {
      asked = true
      response.end('{"token":"good"}')
    })
    const registry = await listen((_, response) => {
      const realm = `http://${inside.host.replace('127.0.0.1', '127.0.0.2')}/token`
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end()
    })
    await assert.rejects(pull(registry.host, { username: 'ann', password: 'pw' }), { code: 'SL3018' })
    assert.equal(asked, false)
    await registry.close()
    await inside.close()
  })

  it('does not carry the token to another host on a redirect', async () => {
    let seen: string | undefined = 'not asked'
    const storage = await listen((request, response) => {
      seen = request.headers.authorization
      response.end(manifest)
    })
    const registry = await listen((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      } else response.writeHead(307, { location: `http://${storage.host}/signed?x=y` }).end()
    })
    await pull(registry.host, { username: 'ann', password: 'pw' })
    assert.equal(seen, undefined)
    await registry.close()
    await storage.close()
  })
})
