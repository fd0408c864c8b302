import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KINDS, kindsPage } from '../../scripts/docs-crds.ts'
import { read } from './sources.ts'

test('docs/reference/kinds.md is what the definitions say', () => {
  assert.equal(read(KINDS), kindsPage(), 'run: node scripts/docs-crds.ts')
})
