import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'

const dir = mkdtempSync(join(tmpdir(), 'sluice-test-file-'))
after(() => rmSync(dir, { recursive: true }))

/** Holds the output of the test's process open. */
const HOLD = "spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000)'], { stdio: 'inherit' })"

/** A program that runs a file and prints what failed, and how many processes were killed. */
const PROGRAM = `
const { runFile } = await import(${JSON.stringify(join(import.meta.dirname, 'test-file.ts'))})
const file = process.argv[2]
const failed = []
let killed = 0
await runFile(file, {
  cwd: '/',
  testMs: 1_000,
  fileMs: 4_000,
  take: ({ type, data }) => type === 'test:fail' && failed.push(data.name === file ? 'the file' : data.name),
  stopped: (processes) => (killed = processes.length),
})
console.log(JSON.stringify({ failed, killed }))
`

const program = join(dir, 'run.mjs')
writeFileSync(program, PROGRAM)

/** What becomes of a file whose one test does `body`. */
async function outcome(name: string, body: string): Promise<{ failed: string[]; killed: number }> {
  const file = join(dir, `${name}.test.mjs`)
  const imports = "import { test } from 'node:test'\nimport { spawn } from 'node:child_process'\n"
  writeFileSync(file, `${imports}test('one', async () => { ${body} })\n`)
  // In a process of its own: node's runner does not run within a test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [program, file], { env, timeout: 60_000 })
  return JSON.parse(stdout)
}

describe('a test file whose processes do not end is stopped', { concurrency: true }, () => {
  test('a test that waits for ever, with a process of its own', async () => {
    const seen = await outcome('waits', `${HOLD}; await new Promise((resolve) => setTimeout(resolve, 600_000))`)
    assert.equal(seen.killed, 2)
    assert.equal(seen.failed[0], 'one')
  })

  test('a test that lets nothing else run', async () => {
    assert.deepEqual(await outcome('blocks', 'for (;;);'), { failed: ['the file'], killed: 1 })
  })

  test('a test that passes and leaves a process', async () => {
    assert.deepEqual(await outcome('leaves', `${HOLD}.unref()`), { failed: [], killed: 1 })
  })

  test('a test that ends is let alone', async () => {
    assert.deepEqual(await outcome('ends', ''), { failed: [], killed: 0 })
  })
})
