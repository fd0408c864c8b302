import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TROUBLESHOOTING, troubleshooting } from '../../scripts/docs-errors.ts'
import { ERRORS } from '../../src/errors.ts'
import { projectFiles, read } from './sources.ts'

test('docs/troubleshooting.md is what the error table says', () => {
  assert.equal(read(TROUBLESHOOTING), troubleshooting(), 'run: node scripts/docs-errors.ts')
})

test('every error code is used, and every code in the sources is in the table', () => {
  const used = new Set<string>()
  const unknown: string[] = []
  for (const file of projectFiles().filter((name) => /^(src|bin)\/.*\.(ts|mjs)$/.test(name))) {
    if (file === 'src/errors.ts') continue
    for (const [code] of read(file).matchAll(/\bSL[1-9]\d{3}\b/g)) {
      if (!file.endsWith('.test.ts')) used.add(code)
      if (!(code in ERRORS)) unknown.push(`${file}: ${code}`)
    }
  }
  assert.deepEqual(unknown, [])
  assert.deepEqual(
    Object.keys(ERRORS).filter((code) => !used.has(code)),
    [],
    'in the table but not used',
  )
})

test('codes ascend, titles are no sentences, hints say what to do', () => {
  const codes = Object.keys(ERRORS)
  assert.deepEqual(codes, [...codes].sort())
  for (const [code, { title, hint }] of Object.entries(ERRORS)) {
    assert.match(code, /^SL[1-6]\d{3}$/)
    assert.doesNotMatch(title, /\.$/, code)
    assert.doesNotMatch(hint, /\.$/, code)
    assert.ok(hint.length > 10, code)
  }
})
