import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textFormat } from './substitution.ts'

// Nothing keeps the TLS of upstream connections: a dash would say that there is none.
for (const name of ['UPSTREAM_TLS_VERSION', 'UPSTREAM_TLS_CIPHER', 'UPSTREAM_PEER_SUBJECT', 'UPSTREAM_PEER_URI_SAN']) {
  test(`%${name}% is refused`, () => {
    assert.throws(() => textFormat(`%${name}%\n`, 'log'), new RegExp(`log: operator %${name}% is not supported`))
  })
}
