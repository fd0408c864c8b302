/**
 * `npm test [-- part-of-a-path …]`: fetches the peers, runs every test file in a process of its own, and closes with the names
 * of the skipped tests and node's summary. The run fails when a test fails, and with CI=true also when one is skipped for a
 * reason that test/peers/allowed-skips.ts does not list.
 */
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PEERS } from '../test/peers/all.ts'
import { runFile } from './test-file.ts'
import { Report } from './test-report.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const PLACES = ['src', 'test', 'extensions', 'samples', 'sdk', 'scripts', 'bench']
/** These start whole installations or heavy peers, and would disturb each other and everything else. */
const ALONE = ['test/e2e/', 'test/conformance/', 'test/interop/', 'test/parity/', 'test/differential/']
/** For a test and for a file: what hangs is stopped and named. */
const TEST_MS = 6 * 60_000
const FILE_MS = 7 * 60_000

const wanted = process.argv.slice(2)
const files = PLACES.flatMap((place) => globSync(`${place}/**/*.test.ts`, { cwd: root }))
  .filter((file) => !file.includes('node_modules/'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`no test file has «${wanted.join('» or «')}» in its path`)
  process.exit(1)
}

execFileSync(process.execPath, [join(root, 'scripts/gen.ts')], { cwd: root, stdio: 'inherit' })
if (wanted.length === 0) await fetchPeers()

const report = new Report(root)
const alone = files.filter((file) => ALONE.some((place) => file.startsWith(place)))
await runFiles(
  files.filter((file) => !alone.includes(file)),
  availableParallelism(),
)
await runFiles(alone, 1)
process.exitCode = report.close(process.env['CI'] === 'true') ? 0 : 1

/** All at once: how long that takes at most is how long the slowest may take (their own limits). */
async function fetchPeers(): Promise<void> {
  const begun = Date.now()
  const fetching = Object.entries(PEERS).map(async ([name, get]) => {
    const peer = await get()
    const seconds = ((Date.now() - begun) / 1000).toFixed(1)
    console.log(peer.skip === false ? `✔ ${name} (${seconds} s)` : `- ${name} is absent: ${peer.skip}`)
  })
  await Promise.all(fetching)
}

async function runFiles(paths: string[], concurrency: number): Promise<void> {
  const waiting = [...paths]
  const next = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const path = join(root, file)
      await runFile(path, {
        cwd: root,
        testMs: TEST_MS,
        fileMs: FILE_MS,
        take: (event) => report.take(event),
        stopped: (processes) => report.stopped(path, processes),
      })
    }
  }
  await Promise.all(Array.from({ length: concurrency }, next))
}
