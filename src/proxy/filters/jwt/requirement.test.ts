import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  JwtProviderSchema,
  JwtRequirementSchema,
} from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import type { FactoryContext } from '../../context.ts'
import { JwtProvider } from './provider.ts'
import { compileRequirement, type Requirement } from './requirement.ts'
import type { JwtStats } from './stats.ts'

const SECRET = 'secret'
const cell = () => ({ value: 0 }) as Cell
const STATS: JwtStats = {
  allowed: cell(),
  denied: cell(),
  preflights: cell(),
  fetched: cell(),
  fetchFailed: cell(),
  cacheHit: cell(),
  cacheMiss: cell(),
}
const JWKS = JSON.stringify({ keys: [{ kty: 'oct', k: base64(SECRET) }] })

function base64(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function sign(payload: Readonly<Record<string, unknown>>): string {
  const signed = `${base64('{"alg":"HS256"}')}.${base64(JSON.stringify(payload))}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

function requirement(fields: MessageInitShape<typeof JwtProviderSchema> = {}): Requirement {
  const proto = create(JwtProviderSchema, {
    issuer: 'me',
    jwksSourceSpecifier: { case: 'localJwks', value: { specifier: { case: 'inlineString', value: JWKS } } },
    ...fields,
  })
  const needed = create(JwtRequirementSchema, { requiresType: { case: 'providerName', value: 'p' } })
  return compileRequirement(
    needed,
    new Map([['p', new JwtProvider(proto, {} as FactoryContext, STATS, 'p')]]),
    'requires',
  )
}

function reason(one: Requirement, token: string): string {
  return one.check(HeaderMap.of([['authorization', `Bearer ${token}`]])).reason
}

describe('a token that is known to be good', () => {
  beforeEach(() => mock.timers.enable({ apis: ['Date'], now: 1_000_000 }))
  afterEach(() => mock.timers.reset())

  test('is read and verified once', () => {
    const one = requirement({ forward: true })
    const headers = HeaderMap.of([['authorization', `Bearer ${sign({ iss: 'me' })}`]])
    const [first] = one.check(headers).accepted
    const [again] = one.check(headers).accepted
    assert.equal(again.token, first.token)
  })

  test('lends nothing to another with its end', () => {
    const one = requirement()
    const good = sign({ iss: 'me', sub: 'joe' })
    const [head, , signature] = good.split('.')
    const forged = `${head}.${base64('{"iss":"me","sub":"root"}')}.${signature}`
    assert.deepEqual(
      [good, forged, good].map((token) => reason(one, token)),
      ['', 'Jwt verification fails', ''],
    )
  })

  test('expires as any other', () => {
    const one = requirement({ clockSkewSeconds: 5 })
    const token = sign({ iss: 'me', exp: 1000 })
    assert.equal(reason(one, token), '')
    mock.timers.setTime(1_006_000)
    assert.equal(reason(one, token), 'Jwt is expired')
  })

  test('is forgotten when more come than are remembered, and verified again', () => {
    const one = requirement({ jwtCacheConfig: { jwtCacheSize: 2 } })
    const tokens = ['a', 'b', 'c', 'a'].map((sub) => sign({ iss: 'me', sub }))
    assert.deepEqual(
      tokens.map((token) => reason(one, token)),
      ['', '', '', ''],
    )
  })

  test('is not remembered when it is long', () => {
    const one = requirement({ forward: true })
    const headers = HeaderMap.of([['authorization', `Bearer ${sign({ iss: 'me', sub: 'x'.repeat(4000) })}`]])
    const [first] = one.check(headers).accepted
    assert.notEqual(one.check(headers).accepted[0].token, first.token)
  })
})
