import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DIFFERENCES_PAGE, differencesPage } from '../../scripts/docs-differences.ts'
import { read } from './sources.ts'

test(`${DIFFERENCES_PAGE} is what the conformance run says`, () => {
  assert.equal(read(DIFFERENCES_PAGE), differencesPage(), 'run: node scripts/docs-differences.ts')
})
