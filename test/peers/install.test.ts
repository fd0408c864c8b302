import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const dir = mkdtempSync(join(tmpdir(), 'sluice-peers-'))
// The cache's place is read when the modules are loaded, hence the late imports.
process.env['SLUICE_TEST_CACHE'] = dir
const { ALLOWED_SKIPS } = await import('./allowed-skips.ts')
const { install } = await import('./install.ts')
const { absent, peerOfSkip } = await import('./peer.ts')
after(() => rmSync(dir, { recursive: true }))

test('a peer is made once, and a failed try is remembered with its reason', async () => {
  let made = 0
  const make = async (home: string) => {
    made++
    mkdirSync(join(home, 'bin'))
    writeFileSync(join(home, 'bin/tool'), 'tool')
  }
  const [one, two] = await Promise.all([install('tool', '1', 'bin/tool', make), install('tool', '1', 'bin/tool', make)])
  assert.equal(readFileSync(one.path, 'utf8'), 'tool')
  assert.deepEqual([one.skip, two.path, made], [false, one.path, 1])

  const missing = await install('other', '1', 'bin/other', make)
  assert.match(String(missing.skip), /^peer other: there is no bin\/other/)
})

test('the runner finds the peer in a reason, and only in a reason of that form', () => {
  const { skip } = absent('kubectl-1.33', 'not\n here')
  assert.equal(skip, 'peer kubectl-1.33: not here')
  assert.equal(peerOfSkip(String(skip)), 'kubectl-1.33')
  assert.equal(peerOfSkip('too slow today'), undefined)
})

test('each allowed skip has its reason', () => {
  for (const [name, reason] of Object.entries(ALLOWED_SKIPS)) assert.ok(reason.length > 20, name)
})
