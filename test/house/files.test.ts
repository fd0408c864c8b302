import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFiles, read } from './sources.ts'

const CEILING = 500
/** Files that may be longer, each with the reason. The list should stay empty. */
const LONGER: Readonly<Record<string, string>> = {}

const code = projectFiles().filter((file) => /\.(ts|mjs|go|rs|cc|h|zig)$/.test(file))

test(`no source file has more than ${CEILING} lines`, () => {
  const long = code
    .filter((file) => !(file in LONGER))
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
  assert.deepEqual(
    long.filter(({ lines }) => lines > CEILING),
    [],
  )
  for (const file of Object.keys(LONGER)) assert.ok(code.includes(file), `${file} is listed but gone`)
})

test('the code keeps no notes of unfinished work', () => {
  const marks = new RegExp(`\\b(${['TO', 'FIX'].map((head, i) => head + ['DO', 'ME'][i]).join('|')})\\b`)
  const found: string[] = []
  for (const file of code) {
    for (const [at, line] of read(file).split('\n').entries()) {
      if (marks.test(line)) found.push(`${file}:${at + 1}: ${line.trim()}`)
    }
  }
  assert.deepEqual(found, [])
})

test('tests that ask other programs give up on those that are silent', () => {
  const asking = code.filter((file) => /^test\/(conformance|differential|interop|parity)\//.test(file))
  assert.deepEqual(
    asking.filter((file) => /\bfetch\(/.test(read(file))),
    [],
    'limitedFetch has an end, and says who was silent',
  )
})

test('no test is focused', () => {
  const focused = code
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => /\b(test|it|describe|suite)\.only\(|only: true/.test(read(file)))
  assert.deepEqual(
    focused.filter((file) => !file.startsWith('test/house/')),
    [],
  )
})

test('comments and pages name files that are there', () => {
  const files = projectFiles()
  const isThere = (name: string) => files.some((file) => file === name || file.endsWith(`/${name}`))
  const missing: string[] = []
  // The change log tells of files that have gone, a kit of those that its users have.
  for (const file of files.filter(
    (one) => /\.(ts|md)$/.test(one) && one !== 'CHANGELOG.md' && !/^sdk.*md$/.test(one),
  )) {
    const text = file.endsWith('.md') ? read(file) : (read(file).match(/\/\*[\s\S]*?\*\/|\/\/ .*$/gm) ?? []).join('\n')
    for (const [name] of text.matchAll(/(?<![\w./*-])(?:[\w-]+\/)*[\w-]+\.ts\b/g))
      if (!isThere(name)) missing.push(`${file}: ${name}`)
  }
  assert.deepEqual(missing, [])
})
