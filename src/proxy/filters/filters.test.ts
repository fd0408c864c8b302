import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { CheckRequestSchema, CheckResponseSchema } from '../../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { grpcFrame, grpcMessage } from '../grpc-frame.ts'
import type { ProxyHandle } from '../index.ts'
import {
  cluster,
  eventually,
  FILTERS,
  get,
  H2_UPSTREAM,
  httpListener,
  portOf,
  type Running,
  testProxy,
  upstream,
} from '../testing.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const JWKS = JSON.stringify({
  keys: [
    { ...publicKey.export({ format: 'jwk' }), kid: 'r', alg: 'RS256' },
    { ...ec.publicKey.export({ format: 'jwk' }), kid: 'e' },
  ],
})

function jwt(
  payload: Record<string, unknown>,
  alg: 'RS256' | 'ES256' = 'RS256',
  kid = alg === 'RS256' ? 'r' : 'e',
): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg, kid })}.${part(payload)}`
  const key = alg === 'RS256' ? privateKey : { key: ec.privateKey, dsaEncoding: 'ieee-p1363' as const }
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

const filter = (name: string, config: string) =>
  `{ name: ${name}, typed_config: { "@type": ${FILTERS}.http.${config} } }`

/** Filter chains by listener name. */
const CHAINS: Readonly<Record<string, string>> = {
  jwt: filter(
    'jwt',
    `jwt_authn.v3.JwtAuthentication, providers: { p: { issuer: me, audiences: [mine], local_jwks: { inline_string: ${JSON.stringify(JWKS)} }, forward_payload_header: x-payload, claim_to_headers: [{ header_name: x-sub, claim_name: sub }, { header_name: x-role, claim_name: realm.role }] } }, rules: [{ match: { prefix: /open } }, { match: { prefix: /maybe }, requires: { requires_any: { requirements: [{ provider_name: p }, { allow_missing: {} }] } } }, { match: { prefix: / }, requires: { provider_name: p } }]`,
  ),
  remote: filter(
    'jwt',
    'jwt_authn.v3.JwtAuthentication, providers: { p: { issuer: me, forward: true, remote_jwks: { http_uri: { uri: "http://keys/jwks", cluster: side, timeout: 1s } } } }, rules: [{ match: { prefix: / }, requires: { provider_name: p } }]',
  ),
  ahead: filter(
    'jwt',
    'jwt_authn.v3.JwtAuthentication, providers: { p: { issuer: me, jwt_cache_config: { jwt_cache_size: 1 }, remote_jwks: { http_uri: { uri: "http://keys/jwks?ahead", cluster: side, timeout: 1s }, async_fetch: {} } } }, rules: [{ match: { prefix: / }, requires: { provider_name: p } }]',
  ),
  rules: filter(
    'rbac',
    'rbac.v3.RBAC, track_per_rule_stats: true, rules_stat_prefix: pre, shadow_rules_stat_prefix: sha, rules: { policies: { mine: { permissions: [{ any: true }], principals: [{ any: true }] } } }, shadow_rules: { action: DENY, policies: { his: { permissions: [{ any: true }], principals: [{ any: true }] } } }',
  ),
  authz: filter(
    'authz',
    'ext_authz.v3.ExtAuthz, http_service: { server_uri: { uri: "http://authz", cluster: side, timeout: 1s }, path_prefix: /check, authorization_request: { allowed_headers: { patterns: [{ exact: x-user }] }, headers_to_add: [{ key: x-added, value: "1" }] }, authorization_response: { allowed_upstream_headers: { patterns: [{ prefix: x-auth }] }, allowed_client_headers_on_success: { patterns: [{ exact: x-client }] } } }, with_request_body: { max_request_bytes: 100 }',
  ),
  down: filter(
    'authz',
    'ext_authz.v3.ExtAuthz, http_service: { server_uri: { uri: "http://authz", cluster: refused, timeout: 1s } }, status_on_error: { code: ServiceUnavailable }',
  ),
  open: filter(
    'authz',
    'ext_authz.v3.ExtAuthz, http_service: { server_uri: { uri: "http://authz", cluster: refused, timeout: 1s } }, failure_mode_allow: true, failure_mode_allow_header_add: true',
  ),
  grpcauthz: filter(
    'authz',
    'ext_authz.v3.ExtAuthz, transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: grpc }, timeout: 1s }',
  ),
  gzip: filter(
    'c',
    'compressor.v3.Compressor, compressor_library: { name: g, typed_config: { "@type": type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip } }',
  ),
  brotli: filter(
    'c',
    'compressor.v3.Compressor, compressor_library: { name: b, typed_config: { "@type": type.googleapis.com/envoy.extensions.compression.brotli.compressor.v3.Brotli } }',
  ),
  web: filter('w', 'grpc_web.v3.GrpcWeb'),
  off: filter('cors', 'cors.v3.Cors'),
}

describe('filters', () => {
  let proxy: ProxyHandle
  let up: Running
  let side: Running & { readonly requests: string[] }
  let grpc: Http2Server
  const ask = (name: string, path = '/', options: Parameters<typeof get>[2] = {}) =>
    get(portOf(proxy, name), path, options)

  before(async () => {
    up = await upstream((request, response, body) => {
      if (request.url === '/large') {
        response.setHeader('content-type', 'text/plain').setHeader('etag', '"a"')
        response.write('x'.repeat(10_000))
        setTimeout(() => response.end('y'.repeat(10_000)), 5)
      } else {
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ headers: request.headers, body }))
      }
    })
    side = await upstream((request, response, body) => {
      if (request.url?.startsWith('/jwks')) response.end(JWKS)
      else if (request.headers['x-user'] === 'good') {
        response.setHeader(
          'x-auth-seen',
          `${request.method} ${request.url} ${body} ${request.headers['x-added']} ${request.headers['x-other']}`,
        )
        response.setHeader('x-client', 'yes').end()
      } else response.writeHead(418, { 'x-reason': 'no' }).end('refused by side')
    })
    grpc = createServer()
    grpc.on('stream', (stream, headers) => {
      const parts: Buffer[] = []
      stream.on('error', () => {})
      stream.on('data', (chunk: Buffer) => parts.push(chunk))
      stream.on('end', () => {
        if (stream.destroyed || stream.closed) return
        const body = Buffer.concat(parts)
        let answer: Buffer = body
        if (String(headers[':path']).endsWith('/Check')) {
          const http = fromBinary(CheckRequestSchema, grpcMessage(body) as Buffer).attributes?.request?.http
          const good = http?.headers['x-user'] === 'good'
          const ok = {
            case: 'okResponse' as const,
            value: {
              headers: [
                { header: { key: 'x-from', value: http?.path ?? '' } },
                {
                  header: {
                    key: 'x-seen',
                    value: `${http?.headers['x-name']} ${http?.headers['constructor']}`,
                  },
                },
              ],
              headersToRemove: ['x-user'],
            },
          }
          const no = { case: 'deniedResponse' as const, value: { status: { code: 401 }, body: 'denied by grpc' } }
          const response = good ? { status: { code: 0 }, httpResponse: ok } : { status: { code: 7 }, httpResponse: no }
          answer = grpcFrame(
            toBinary(
              CheckResponseSchema,
              create(CheckResponseSchema, response as MessageInitShape<typeof CheckResponseSchema>),
            ),
          )
        }
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () =>
          stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': String(headers['content-type']) }),
        )
        stream.end(answer)
      })
    })
    grpc.listen(0, '127.0.0.1')
    await once(grpc, 'listening')
    const grpcPort = (grpc.address() as AddressInfo).port
    const listeners = Object.entries(CHAINS).map(([name, chain]) => {
      const routes = name === 'web' ? '[{ match: { prefix: / }, route: { cluster: grpc } }]' : undefined
      return httpListener({ name, filters: [chain], ...(routes === undefined ? {} : { routes }) })
    })
    proxy = await testProxy(listeners, [
      cluster(up.port),
      cluster(side.port, '', 'side'),
      cluster(1, '', 'refused'),
      cluster(grpcPort, H2_UPSTREAM, 'grpc'),
    ])
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
    await side.close()
    grpc.close()
  })

  const now = Math.floor(Date.now() / 1000)
  const good = { iss: 'me', aud: 'mine', sub: 'joe', exp: now + 600, realm: { role: 'boss' } }

  test("rbac: track_per_rule_stats counts under Envoy's names", async () => {
    await ask('rules', '/')
    const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
    const seen = ['pre.allowed', 'pre.policy.mine.allowed', 'sha.shadow_denied', 'sha.policy.his.shadow_denied']
    assert.deepEqual(
      seen.map((name) => counters[`http.rules.rbac.${name}`]),
      [1, 1, 1, 1],
    )
  })

  describe('jwt_authn', () => {
    const refused: readonly (readonly [what: string, token: string | undefined, status: number, body: string])[] = [
      ['nothing', undefined, 401, 'Jwt is missing'],
      ['no token', 'abc', 401, 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'],
      ['expired', jwt({ ...good, exp: now - 600 }), 401, 'Jwt is expired'],
      ['not yet valid', jwt({ ...good, nbf: now + 600 }), 401, 'Jwt not yet valid'],
      ['other issuer', jwt({ ...good, iss: 'you' }), 401, 'Jwt issuer is not configured'],
      ['other audience', jwt({ ...good, aud: ['yours'] }), 403, 'Audiences in Jwt are not allowed'],
      ['unknown key', jwt(good, 'RS256', 'x'), 401, "Jwks doesn't have key to match kid or alg from Jwt"],
      ['signature of another', `${jwt(good).slice(0, -20)}${'A'.repeat(20)}`, 401, 'Jwt verification fails'],
      [
        'changed payload',
        jwt(good).replace(
          /\.[^.]*\./,
          `.${Buffer.from(JSON.stringify({ ...good, sub: 'root' })).toString('base64url')}.`,
        ),
        401,
        'Jwt verification fails',
      ],
      [
        'algorithm none',
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.AA`,
        401,
        'Jwt header [alg] is not supported',
      ],
    ]
    for (const [what, token, status, body] of refused) {
      test(`refused: ${what}`, async () => {
        const answer = await ask(
          'jwt',
          '/',
          token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
        )
        assert.deepEqual([answer.status, answer.body], [status, body])
        if (status === 401)
          assert.match(
            answer.headers['www-authenticate'] ?? '',
            token === undefined ? /^Bearer realm="http:.*"$/ : /error="invalid_token"$/,
          )
      })
    }

    test('async_fetch: the keys are there before the first request', async () => {
      const asked = () => side.requests.filter((line) => line === 'GET /jwks?ahead').length
      await eventually(() => asked() === 1)
      for (const sub of ['joe', 'jim', 'joe'])
        assert.equal(
          (await ask('ahead', '/', { headers: { authorization: `Bearer ${jwt({ ...good, sub })}` } })).status,
          200,
        )
      assert.equal(asked(), 1)
    })

    test('a good token passes, is taken away, and its claims are forwarded', async () => {
      for (const alg of ['RS256', 'ES256'] as const) {
        const { headers } = JSON.parse(
          (await ask('jwt', '/', { headers: { authorization: `Bearer ${jwt(good, alg)}`, 'x-role': 'forged' } })).body,
        )
        assert.equal(headers.authorization, undefined)
        assert.deepEqual([headers['x-sub'], headers['x-role']], ['joe', 'boss'])
        assert.equal(JSON.parse(Buffer.from(headers['x-payload'], 'base64url').toString()).sub, 'joe')
      }
    })

    test('a claim is written in UTF-8, so that no character of it ends its line', async () => {
      const sub = 'jo\u00e9\u010d\u010ax-evil: 1'
      const authorization = `Bearer ${jwt({ ...good, sub })}`
      const { body } = await ask('jwt', '/', { headers: { authorization } })
      const { headers } = JSON.parse(Buffer.from(body, 'latin1').toString())
      assert.equal(headers['x-evil'], undefined)
      assert.equal(Buffer.from(headers['x-sub'], 'latin1').toString(), sub)
    })

    test('rules', async () => {
      assert.equal((await ask('jwt', '/open')).status, 200)
      assert.equal((await ask('jwt', '/maybe')).status, 200)
      assert.equal((await ask('jwt', '/maybe', { headers: { authorization: 'Bearer x.y.z' } })).status, 401)
      assert.equal((await ask('jwt', `/?access_token=${jwt(good)}`)).status, 200)
    })

    test('remote keys are fetched once, for all who wait', async () => {
      const headers = { authorization: `Bearer ${jwt({ iss: 'me' })}` }
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask('remote', '/', { headers })))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 200, 200],
      )
      assert.equal(JSON.parse(answers[0].body).headers.authorization, headers.authorization)
      assert.equal(side.requests.filter((line) => line === 'GET /jwks').length, 1)
    })
  })

  describe('ext_authz', () => {
    test('HTTP: allowed, with the body, and headers both ways', async () => {
      const answer = await ask('authz', '/p?q', {
        method: 'POST',
        body: 'data',
        headers: { 'x-user': 'good', 'x-other': 'hidden' },
      })
      assert.equal(answer.headers['x-client'], 'yes')
      const seen = JSON.parse(answer.body)
      assert.equal(seen.body, 'data')
      assert.equal(seen.headers['x-auth-seen'], 'POST /check/p?q data 1 undefined')
    })

    test('HTTP: denied as the server says', async () => {
      const answer = await ask('authz')
      assert.deepEqual([answer.status, answer.body, answer.headers['x-reason']], [418, 'refused by side', 'no'])
    })

    test('a body that is too large', async () => {
      assert.equal(
        (await ask('authz', '/', { method: 'POST', body: 'x'.repeat(200), headers: { 'x-user': 'good' } })).status,
        413,
      )
    })

    test('a server that is down: closed by default, open when told', async () => {
      assert.equal((await ask('down')).status, 503)
      const answer = await ask('open')
      assert.equal(JSON.parse(answer.body).headers['x-envoy-auth-failure-mode-allowed'], 'true')
    })

    test('gRPC', async () => {
      const { headers } = JSON.parse((await ask('grpcauthz', '/g', { headers: { 'x-user': 'good' } })).body)
      assert.deepEqual([headers['x-from'], headers['x-user']], ['/g', undefined])
      const answer = await ask('grpcauthz')
      assert.deepEqual([answer.status, answer.body], [401, 'denied by grpc'])
    })

    test('gRPC: the server gets headers as text, whatever their names', async () => {
      const name = Buffer.from('josé').latin1Slice()
      const { body } = await ask('grpcauthz', '/g', { headers: { 'x-user': 'good', 'x-name': name, constructor: 'c' } })
      assert.equal(JSON.parse(Buffer.from(body, 'latin1').toString()).headers['x-seen'], `${name} c`)
    })
  })

  describe('compressor', () => {
    const bytes = (text: string) => Buffer.from(text, 'latin1')
    const whole = 'x'.repeat(10_000) + 'y'.repeat(10_000)

    test('gzip and brotli, of bodies that come in pieces', async () => {
      for (const [name, coding, open] of [
        ['gzip', 'gzip', gunzipSync],
        ['brotli', 'br', brotliDecompressSync],
      ] as const) {
        const answer = await ask(name, '/large', { headers: { 'accept-encoding': `deflate, ${coding};q=0.5` } })
        assert.equal(answer.headers['content-encoding'], coding)
        assert.equal(answer.headers['etag'], undefined)
        assert.equal(open(bytes(answer.body)).toString(), whole)
      }
    })

    test('RFC 9110 12.5.3: only for those who take it; vary in any case', async () => {
      for (const accept of ['', 'deflate', 'gzip;q=0', '*;q=0']) {
        const answer = await ask('gzip', '/large', { headers: { 'accept-encoding': accept } })
        assert.equal(answer.headers['content-encoding'], undefined)
        assert.equal(answer.headers['vary'], 'Accept-Encoding')
        assert.equal(answer.body, whole)
      }
    })
  })

  describe('grpc_web', () => {
    const frame = grpcFrame(Buffer.from('hello'))

    test('binary: trailers become the last frame', async () => {
      const answer = await ask('web', '/s/m', {
        method: 'POST',
        body: frame as unknown as string,
        headers: { 'content-type': 'application/grpc-web+proto' },
      })
      assert.equal(answer.headers['content-type'], 'application/grpc-web+proto')
      const body = Buffer.from(answer.body, 'latin1')
      assert.deepEqual(body.subarray(0, frame.length), frame)
      const rest = body.subarray(frame.length)
      assert.equal(rest[0], 0x80)
      assert.equal(rest.readUInt32BE(1), rest.length - 5)
      assert.match(rest.toString('latin1', 5), /grpc-status:0\r\ngrpc-message:application\/grpc\r\n/)
    })

    test('text: base64 both ways', async () => {
      const answer = await ask('web', '/s/m', {
        method: 'POST',
        body: frame.toString('base64'),
        headers: { 'content-type': 'application/grpc-web-text', accept: 'application/grpc-web-text' },
      })
      assert.equal(answer.headers['content-type'], 'application/grpc-web-text+proto')
      const message = frame.toString('base64')
      assert.equal(answer.body.slice(0, message.length), message)
      assert.match(Buffer.from(answer.body.slice(message.length), 'base64').toString(), /grpc-status:0/)
    })

    test('text that is no base64', async () => {
      assert.equal(
        (
          await ask('web', '/s/m', {
            method: 'POST',
            body: '!!!',
            headers: { 'content-type': 'application/grpc-web-text' },
          })
        ).headers['grpc-status'],
        '13',
      )
    })
  })
})
