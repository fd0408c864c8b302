import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { FOREIGN_FUNCTIONS } from './foreign/functions.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { DEFAULT_SHARED_LIMITS } from './services/shared-limits.ts'

const docs = readFileSync(new URL('../../docs/reference/wasm-host.md', import.meta.url), 'utf8')

it('every quota has a row in docs/reference/wasm-host.md with its default', () => {
  for (const [name, value] of Object.entries({ ...DEFAULT_LIMITS, ...DEFAULT_SHARED_LIMITS })) {
    assert.ok(docs.includes(`| \`${name}\` | ${value} |`), `${name} is ${value}`)
  }
})

it('every foreign function is named there', () => {
  for (const name of FOREIGN_FUNCTIONS.keys()) assert.ok(docs.includes(`\`${name}\``), name)
})
