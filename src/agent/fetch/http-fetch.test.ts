/** Istio's pkg/wasm/httpfetcher_test.go restated; names are Istio's where the case is. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  DEFAULT_LIMITS,
  deadline,
  HttpTransport,
  type HttpTransportOptions,
  type UnpackLimits,
} from '../../oci/index.ts'
import { tarOf } from '../../oci/tar.ts'
import { emptyModule, serve, temporaryFolder } from '../testing.ts'
import { fetchByHttp } from './http-fetch.ts'

const folder = temporaryFolder()
after(() => folder.remove())

const wasm = emptyModule('http')
const retry = { initialMs: 1, maxMs: 2 }

async function fetch(
  url: string,
  { attempts = 5, attemptMs = 2000, totalMs = 5000, limits = DEFAULT_LIMITS, transport = {} }: FetchOptions = {},
) {
  const http = new HttpTransport(transport)
  const limit = deadline(totalMs, url)
  const work = mkdtempSync(join(folder.path, 'work-'))
  try {
    const found = await fetchByHttp(http, new URL(url), work, limits, { attempts, attemptMs, retry }, limit)
    return { bytes: readFileSync(found.path), source: found.source }
  } finally {
    limit.clear()
    http.close()
  }
}

interface FetchOptions {
  attempts?: number
  attemptMs?: number
  totalMs?: number
  limits?: UnpackLimits
  transport?: HttpTransportOptions
}

/** Answers with these statuses in turn, the last one for ever; 200 carries the body. */
async function answering(statuses: number[], body: Uint8Array = wasm, headers: Record<string, string> = {}) {
  let n = 0
  return await serve((_, response) => {
    const status = statuses[Math.min(n++, statuses.length - 1)]
    response.writeHead(status, headers).end(status === 200 ? body : 'an error')
  })
}

describe('TestWasmHTTPFetch', () => {
  it('download ok', async () => {
    const server = await answering([200])
    assert.deepEqual(await fetch(`${server.url}/a`), { bytes: wasm, source: undefined })
    await server.close()
  })

  it('download retry', async () => {
    const server = await answering([500, 500, 500, 200])
    assert.deepEqual((await fetch(`${server.url}/a`)).bytes, wasm)
    assert.equal(server.requests.length, 4)
    await server.close()
  })

  it('download max retry', async () => {
    const server = await answering([500])
    const message = /wasm module download failed after 5 attempts, last error: .*status code 500/
    await assert.rejects(fetch(`${server.url}/a`), message)
    assert.equal(server.requests.length, 5)
    await server.close()
  })

  it('download is never tried by immediate context timeout', async () => {
    const server = await answering([200])
    await assert.rejects(fetch(`${server.url}/a`, { totalMs: 0 }), { code: 'SL3015' })
    assert.equal(server.requests.length, 0)
    await server.close()
  })

  for (const [status, tries] of [
    [400, 1],
    [401, 1],
    [403, 1],
    [404, 1],
    [501, 1],
    [505, 1],
    [511, 1],
    [502, 2],
    [503, 2],
    [504, 2],
  ] as const) {
    it(`status ${status} is asked ${tries === 1 ? 'once' : 'again'}`, async () => {
      const server = await answering([status])
      await assert.rejects(fetch(`${server.url}/a`, { attempts: 2 }))
      assert.equal(server.requests.length, tries)
      await server.close()
    })
  }

  it('429 is asked again after Retry-After (Istio gives up)', async () => {
    const server = await answering([429, 200], wasm, { 'retry-after': '0' })
    assert.deepEqual((await fetch(`${server.url}/a`)).bytes, wasm)
    await server.close()
  })

  it('a Retry-After beyond the deadline is an error at once, not a wait', async () => {
    const server = await answering([429, 200], wasm, { 'retry-after': '60' })
    await assert.rejects(fetch(`${server.url}/a`), { code: 'SL3007', retryAfterMs: 60_000 })
    assert.equal(server.requests.length, 1)
    await server.close()
  })
})

describe('unboxing', () => {
  const tar = tarOf([{ name: 'any-name', data: wasm }])
  for (const [name, body] of [
    ['plain wasm binary', wasm],
    ['tarball of wasm binary', tar],
    ['gzipped wasm binary', gzipSync(wasm)],
    ['gzipped tarball of wasm binary', gzipSync(tar)],
    ['gzip in gzip', gzipSync(gzipSync(wasm))],
  ] as const) {
    it(name, async () => {
      const server = await answering([200], body)
      assert.deepEqual((await fetch(`${server.url}/a`)).bytes, wasm)
      await server.close()
    })
  }
})

describe('limits, each with its own error', () => {
  const limits = { maxBytes: 1 << 20, maxRatio: 100 }
  it('an announced size', async () => {
    const server = await answering([200], Buffer.alloc(2 << 20), { 'content-length': String(2 << 20) })
    await assert.rejects(fetch(`${server.url}/a`, { limits }), { code: 'SL3013', message: /announces 2097152 bytes/ })
    await server.close()
  })

  it('an endless body', async () => {
    const server = await serve((_, response) => {
      const chunk = Buffer.alloc(1 << 16)
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
    })
    await assert.rejects(fetch(`${server.url}/a`, { limits }), { code: 'SL3013', message: /sends more than/ })
    await server.close()
  })

  it('a zip bomb by size', async () => {
    const server = await answering([200], gzipSync(Buffer.alloc(4 << 20)))
    await assert.rejects(fetch(`${server.url}/a`, { limits }), { code: 'SL3013', message: /bytes unpacked/ })
    await server.close()
  })

  it('a zip bomb by ratio', async () => {
    const server = await answering([200], gzipSync(Buffer.alloc(32 << 20)))
    await assert.rejects(fetch(`${server.url}/a`, { limits: { maxBytes: 64 << 20, maxRatio: 100 } }), {
      code: 'SL3014',
    })
    await server.close()
  })

  it('boxes in boxes without end', async () => {
    let body = wasm
    for (let i = 0; i < 7; i++) body = gzipSync(body)
    const server = await answering([200], body)
    await assert.rejects(fetch(`${server.url}/a`), { code: 'SL3014' })
    await server.close()
  })

  it('a server that falls silent', async () => {
    const server = await serve((_, response) => response.writeHead(200).write('x'))
    await assert.rejects(fetch(`${server.url}/a`, { attempts: 1, transport: { silenceMs: 50 } }), { code: 'SL3015' })
    await assert.rejects(fetch(`${server.url}/a`, { attempts: 1, attemptMs: 50 }), { code: 'SL3015' })
    await server.close()
  })

  it('a body that is cut short', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x')
      setImmediate(() => response.destroy())
    })
    await assert.rejects(fetch(`${server.url}/a`, { attempts: 1 }), { code: 'SL3010', message: /cut short/ })
    await server.close()
  })
})

describe('redirects and credentials', () => {
  it('user and password of the URL stay with their origin', async () => {
    const seen: (string | undefined)[] = []
    const second = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end(wasm)
    })
    const first = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(302, { location: `${second.url}/b?token=secret` }).end()
    })
    const { source } = await fetch(`${first.url.replace('http://', 'http://ann:p%40w@')}/a`)
    assert.deepEqual(seen, [`Basic ${Buffer.from('ann:p@w').toString('base64')}`, undefined])
    assert.equal(source, `${second.url}/b`, 'told without its query, where signed URLs keep their secret')
    await first.close()
    await second.close()
  })

  it('no message shows a secret of the URL', async () => {
    const server = await answering([404])
    const url = `${server.url.replace('http://', 'http://ann:hidden@')}/a?X-Signature=hidden`
    await assert.rejects(fetch(url), (error: Error) => !error.message.includes('hidden'))
    await server.close()
  })

  for (const [name, location, code] of [
    ['a circle', '/a', 'SL3016'],
    ['another scheme', 'file:///etc/passwd', 'SL3016'],
    ['nowhere', '', 'SL3016'],
    ['a metadata address', 'http://169.254.169.254/latest/meta-data/', 'SL3017'],
    ['a metadata address in another spelling', 'http://0xa9fea9fe/', 'SL3017'],
    ['a metadata address in IPv6', 'http://[::ffff:169.254.169.254]/', 'SL3017'],
  ] as const) {
    it(`a redirect to ${name} is refused`, async () => {
      const server = await serve((_, response) => response.writeHead(302, { location }).end())
      await assert.rejects(fetch(`${server.url}/a`), { code })
      assert.equal(server.requests.length, 1)
      await server.close()
    })
  }

  it('a redirect to a name is judged by what the name resolves to', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/b') response.end(wasm)
      else response.writeHead(302, { location: `http://localhost:${server.host.split(':')[1]}/b` }).end()
    })
    assert.deepEqual((await fetch(`${server.url}/a`)).bytes, wasm)
    // The first hop is at an address that is allowed.
    const elsewhere = createServer((_, response) => {
      response.writeHead(302, { location: `http://localhost:${server.host.split(':')[1]}/b` }).end()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.2', resolve))
    const { port } = elsewhere.address() as AddressInfo
    const transport = { blockedCidrs: ['127.0.0.1/32', '::1/128'] }
    await assert.rejects(fetch(`http://127.0.0.2:${port}/a`, { transport }), {
      code: 'SL3017',
      message: /localhost is /,
    })
    assert.equal(server.requests.length, 2)
    elsewhere.close()
    elsewhere.closeAllConnections()
    await server.close()
  })

  it('more than ten redirects are refused', async () => {
    let n = 0
    const server = await serve((_, response) => response.writeHead(302, { location: `/${n++}` }).end())
    await assert.rejects(fetch(`${server.url}/a`), { code: 'SL3016' })
    assert.equal(server.requests.length, 11)
    await server.close()
  })
})
