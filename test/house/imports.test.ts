import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cycle, importsOf, objection, withoutLater, withoutTypes } from './imports.ts'
import { projectFiles, read } from './sources.ts'

const sources = projectFiles().filter((file) => /^src\/.*\.ts$/.test(file))
const imports = new Map(sources.map((file) => [file, importsOf(file, read(file))]))

test('rooms import only what lies below them', () => {
  const wrong: string[] = []
  for (const [file, targets] of imports) {
    for (const target of targets) {
      const why = objection(file, target)
      if (why !== undefined) wrong.push(`${file} imports ${target}: ${why}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('relative imports lead to files that exist', () => {
  const all = new Set(projectFiles())
  const wrong: string[] = []
  for (const [file, targets] of imports) {
    for (const target of targets) {
      if (target.startsWith('src/') && target.endsWith('.ts') && !all.has(target))
        wrong.push(`${file} imports ${target}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('there is no circular import', () => {
  const atRunTime = new Map(sources.map((file) => [file, importsOf(file, withoutTypes(read(file)))]))
  assert.equal(cycle(atRunTime)?.join(' -> '), undefined)
})

test('a data thread loads no library before it is configured to use it', () => {
  // Each takes megabytes of every thread (RATIONALE.md, "What does the memory of a proxy consist of?").
  const later = [
    '@bufbuild/cel',
    '@connectrpc/connect',
    '@connectrpc/connect-node',
    'fengari',
    'node:http',
    'node:http2',
    're2js',
    'yaml',
  ]
  const loaded = dataThread()
  assert.deepEqual(
    later.filter((one) => loaded.has(one)).map((one) => `${loaded.get(one)} imports ${one}`),
    [],
  )
})

test('a data thread loads nothing of what configures it', () => {
  const loaded = dataThread()
  const others = [...loaded].filter(([file]) =>
    /^src\/(proxy\/(admin|main)\/|xds\/(?!registry\.ts|wasm-env\.ts))/.test(file),
  )
  assert.deepEqual(
    others.map(([file, by]) => `${by} imports ${file}`),
    [],
  )
})

/** What a data thread has loaded when it begins, each with who imports it. */
function dataThread(): ReadonlyMap<string, string> {
  const loaded = new Map([['src/proxy/worker/worker-main.ts', '']])
  for (const file of loaded.keys()) {
    if (!file.startsWith('src/')) continue
    for (const target of importsOf(file, withoutLater(withoutTypes(read(file)))))
      if (!loaded.has(target)) loaded.set(target, file)
  }
  assert.ok(loaded.has('src/wasm/vm.ts'))
  return loaded
}

test('source code outside of tests does not import from tests', () => {
  const wrong: string[] = []
  for (const [file, targets] of imports) {
    if (/\.test\.ts$|\/testing\//.test(file)) continue
    for (const target of targets) {
      if (/^test\/|\.test\.ts$/.test(target)) wrong.push(`${file} imports ${target}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('the checks see what they must refuse', () => {
  const source = [
    "import type { A } from '../proxy/index.ts'",
    "import {\n  b,\n} from './b.ts'",
    "export * from './c.ts'",
    "import './d.ts'",
    "const e = await import('./e.ts')",
    "new Worker(new URL('./f.ts', import.meta.url))",
  ].join('\n')
  const found = importsOf('src/wasm/a.ts', source)
  assert.deepEqual(found, [
    'src/proxy/index.ts',
    'src/wasm/b.ts',
    'src/wasm/c.ts',
    'src/wasm/d.ts',
    'src/wasm/e.ts',
    'src/wasm/f.ts',
  ])
  assert.deepEqual(importsOf('src/wasm/a.ts', withoutTypes(source)), found.slice(1))
  assert.deepEqual(importsOf('src/wasm/a.ts', withoutLater(source)), found.slice(0, 4))
  assert.equal(objection('src/wasm/a.ts', 'src/proxy/index.ts'), 'wasm lies below proxy')
  assert.equal(objection('src/proxy/a.ts', 'src/wasm/index.ts'), undefined)
  assert.equal(objection('src/base/a.ts', 'src/errors.ts'), 'base imports nothing of ours')
  assert.equal(objection('src/attic/a.ts', 'src/wasm/index.ts'), '«attic» is not in the list of rooms')
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c']],
    ['c', ['b']],
  ])
  assert.deepEqual(cycle(graph), ['b', 'c', 'b'])
})
