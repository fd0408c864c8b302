import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { KeySet } from './key-set.ts'
import { parseToken, type Token } from './token.ts'

const SECRET = Buffer.from('a secret of the test')
const KEYS = JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', k: SECRET.toString('base64url') }] })

function token(id: number): Token {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256' })}.${part({ jti: String(id) })}`
  return parseToken(`${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`) as Token
}

test('a token in use stays known while others come, and those that nobody shows again are forgotten', () => {
  const keys = new KeySet(KEYS, 10)
  const [used, unused] = [token(-1), token(-2)]
  for (const one of [unused, used]) assert.equal(keys.verify(one), undefined)
  for (let i = 0; i < 100; i++) {
    assert.equal(keys.verify(token(i)), undefined)
    assert.ok(keys.known(used.text) !== undefined, `after ${i + 1} others`)
  }
  assert.equal(keys.known(unused.text), undefined)
  const kept = Array.from({ length: 100 }, (_, i) => token(i)).filter(({ text }) => keys.known(text) !== undefined)
  assert.ok(kept.length < 10, `${kept.length} are kept`)
})
