/** What a command says to wrong input: one error with its code and what to do, and never a stack. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { packagePath } from '../base/package-root.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-wrong-input-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const away = join(dir, 'away.yaml')
const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}
const empty = file('empty.yaml', '')
const broken = file('broken.yaml', 'users: [{ name: a, user: { token: secret }\n')

/** The command line, the exit code and the whole of what is said. */
const CASES: readonly (readonly [args: readonly string[], code: number, said: RegExp])[] = [
  [['constructor'], 2, /^SL6004: there is no command «constructor»\n {2}hint: .*\n$/],
  [['help', 'bogus'], 2, /^SL6004: there is no command «bogus»\n {2}hint: .*\n$/],
  [['up', '--bogus'], 2, /^SL6004: Unknown option '--bogus'\n {2}usage: sluice up .*\n$/],
  [['up', 'extra'], 2, /^SL6004: Unexpected argument 'extra'\n {2}usage: .*\n$/],
  [['apply', '-f', empty, broken], 2, /^SL6004: Unexpected argument '.*broken.yaml'\n {2}usage: .*\n$/],
  [['apply', '-f', away], 1, /^SL6010: .*: ENOENT: .* stat '[^']*away.yaml'\n {2}hint: .*\n$/],
  [['apply', '-f', empty], 2, /^SL6004: there is no object in .*empty.yaml\n {2}usage: .*\n$/],
  [['apply', '-f', broken], 1, /^SL1003: .*broken.yaml:2:1\)\n {2}hint: .*\n$/],
  [['delete', '-f', away], 1, /^SL6010: .*\n {2}hint: .*\n$/],
  [['get', 'pods'], 1, /^SL6003: the kubeconfig cannot be used: ENOENT: .* open '[^']*'\n {2}hint: .*\n$/],
  [['proxy', '-c', away], 1, /^SL6010: .*ENOENT.*\n {2}hint: .*\n$/],
  [['proxy', '-c', empty], 1, /^SL5002: .*empty.yaml: cannot decode message [^(]*\n {2}hint: .*\n$/],
  [['wasm', 'push', away, '127.0.0.1:1/a:1'], 1, /^SL6010: .*ENOENT.*\n {2}hint: .*\n$/],
  [['wasm', 'push', dir, '127.0.0.1:1/a:1'], 1, /^SL6010: .*EISDIR.*\n {2}hint: .*\n$/],
  [['wasm', 'inspect', './away.wasm'], 1, /^SL6010: .*ENOENT.*away.wasm.*\n {2}hint: .*\n$/],
]

/** Runs a command line for a user whose kubeconfig is `KUBECONFIG`. */
function run(args: readonly string[], KUBECONFIG: string): { status: number | null; stderr: string } {
  // In a Pod of a cluster a missing kubeconfig would be no error.
  const env = { ...process.env, KUBECONFIG, KUBERNETES_SERVICE_HOST: undefined }
  return spawnSync(process.execPath, [packagePath('src/cli/main.ts'), ...args], { env, encoding: 'utf8' })
}

describe('wrong input is told', () => {
  for (const [args, code, said] of CASES) {
    it(`sluice ${args.map((arg) => arg.replace(`${dir}/`, '')).join(' ')}`, () => {
      const { status, stderr } = run(args, away)
      assert.match(stderr, said)
      assert.equal(status, code)
    })
  }

  it('a kubeconfig that is no YAML, without the secrets in it', () => {
    const { status, stderr } = run(['get', 'pods'], broken)
    assert.match(stderr, /^SL6003: the kubeconfig cannot be used: .* at line 2, column 1.*\n {2}hint: .*\n$/)
    assert.doesNotMatch(stderr, /secret/)
    assert.equal(status, 1)
  })
})
