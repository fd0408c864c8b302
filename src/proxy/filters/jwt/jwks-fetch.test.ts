import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../../index.ts'
import {
  cluster,
  eventually,
  FILTERS,
  get,
  httpListener,
  portOf,
  type Running,
  testProxy,
  upstream,
} from '../../testing.ts'

const filter = (uri: string, retry: string) =>
  `{ name: jwt, typed_config: { "@type": ${FILTERS}.http.jwt_authn.v3.JwtAuthentication, providers: { p: { issuer: me, remote_jwks: { http_uri: { uri: "http://keys/${uri}", cluster: keys, timeout: 2s }, ${retry} } } }, rules: [{ match: { prefix: / }, requires: { provider_name: p } }] } }`
const FAST = 'retry_back_off: { base_interval: 0.001s, max_interval: 0.002s }'

/** How many answers of 503 (or another status) come before the keys, what the policy is, and how many requests that makes. */
const CASES = [
  ['none', 1, 503, '', 1, false],
  ['once', 1, 503, `retry_policy: { ${FAST} }`, 2, true],
  ['often', 3, 503, `retry_policy: { num_retries: 5, ${FAST} }`, 4, true],
  ['spent', 9, 503, `retry_policy: { num_retries: 2, ${FAST} }`, 3, false],
  // Asking again does not help a client that asks for the wrong thing.
  ['client', 1, 404, `retry_policy: { num_retries: 5, ${FAST} }`, 1, false],
  ['never', 1, 503, `retry_policy: { num_retries: 0, ${FAST} }`, 1, false],
] as const

describe('fetching keys', () => {
  let proxy: ProxyHandle
  let keys: Running
  const asked = new Map<string, number>()

  before(async () => {
    keys = await upstream((request, response) => {
      const name = (request.url ?? '').slice(1)
      const count = (asked.get(name) ?? 0) + 1
      asked.set(name, count)
      const [, failures, status] = CASES.find(([one]) => one === name) as (typeof CASES)[number]
      if (count <= failures) response.writeHead(status).end()
      else response.end('{ "keys": [{ "kty": "oct", "k": "YQ" }] }')
    })
    proxy = await testProxy(
      CASES.map(([name, , , retry]) => httpListener({ name, filters: [filter(name, retry)] })),
      [cluster(keys.port, '', 'keys')],
    )
  })

  after(async () => {
    await proxy.close(0)
    await keys.close()
  })

  for (const [name, failures, status, retry, requests, good] of CASES) {
    test(`${failures} × ${status}, ${retry || 'no retry_policy'}`, async () => {
      const token = [{ alg: 'HS256' }, { iss: 'me' }].map((part) =>
        Buffer.from(JSON.stringify(part)).toString('base64url'),
      )
      const answer = await get(portOf(proxy, name), '/', { headers: { authorization: `Bearer ${token.join('.')}.YQ` } })
      assert.equal(answer.status, 401)
      assert.equal(asked.get(name), requests)
      const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
      const count = (what: string) => counters[`http.${name}.jwt_authn.jwks_fetch_${what}`] ?? 0
      assert.deepEqual([count('success'), count('failed')], good ? [1, 0] : [0, 1])
    })
  }

  test('refused: a URI that is none', async () => {
    const listener = httpListener({ filters: [filter('é', '')] })
    await assert.rejects(testProxy([listener], []), /remote_jwks\.http_uri\.uri: .* no URI of http/)
  })

  for (const [retry, problem] of [
    ['retry_policy: { retry_on: 5xx }', /remote_jwks\.retry_policy\.retry_on/],
    ['retry_policy: { retry_back_off: {} }', /retry_back_off\.base_interval: missing/],
    [
      'retry_policy: { retry_back_off: { base_interval: 2s, max_interval: 1s } }',
      /retry_back_off\.max_interval: must not be less/,
    ],
  ] as const) {
    test(`refused: ${problem.source}`, async () => {
      await assert.rejects(testProxy([httpListener({ filters: [filter('x', retry)] })], []), problem)
    })
  }
})

test('no keys are fetched for a request without a token of their issuer', async () => {
  let asked = 0
  const keys = await upstream((_, response) => {
    asked++
    response.writeHead(503).end()
  })
  const proxy = await testProxy([httpListener({ filters: [filter('x', '')] })], [cluster(keys.port, '', 'keys')])
  try {
    const { body } = await get(portOf(proxy), '/')
    assert.deepEqual([body, asked], ['Jwt is missing', 0])
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const [iss, count] of [
      ['another', 0],
      ['me', 1],
    ] as const) {
      await get(portOf(proxy), `/?access_token=${part({ alg: 'HS256' })}.${part({ iss })}.c2lnbmVk`)
      assert.equal(asked, count, iss)
    }
  } finally {
    await proxy.close(0)
    await keys.close()
  }
})

// Envoy's JwksDataImpl::setJwksToAllThreads: keys that are fetched ahead have no end.
describe('async_fetch from an issuer that goes down', () => {
  for (const [what, duration] of [
    ['keys that are old', '0.05s'],
    ['keys that are not old yet', '6s'],
  ]) {
    test(`asks again after failed_refetch_duration, and keeps ${what}`, async () => {
      let asked = 0
      const keys = await upstream((_, response) => {
        if (++asked === 1) response.end('{ "keys": [{ "kty": "oct", "k": "YQ" }] }')
        else response.writeHead(503).end()
      })
      const ahead = `cache_duration: ${duration}, async_fetch: { failed_refetch_duration: 0.01s }`
      const proxy = await testProxy(
        [
          httpListener({
            filters: [filter('x', ahead)],
            routes: '[{ match: { prefix: / }, direct_response: { status: 200 } }]',
          }),
        ],
        [cluster(keys.port, '', 'keys')],
      )
      try {
        await eventually(() => asked > 40, 'many tries')
        const parts = [{ alg: 'HS256' }, { iss: 'me' }].map((part) =>
          Buffer.from(JSON.stringify(part)).toString('base64url'),
        )
        const signature = createHmac('sha256', Buffer.from('YQ', 'base64url'))
          .update(parts.join('.'))
          .digest('base64url')
        const headers = { authorization: `Bearer ${parts.join('.')}.${signature}` }
        assert.equal((await get(portOf(proxy), '/', { headers })).status, 200)
      } finally {
        await proxy.close(0)
        await keys.close()
      }
    })
  }
})
