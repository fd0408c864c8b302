/** The embedded registry under the conformance test of the OCI distribution specification 1.1, open and with users. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { startRegistry } from '../../src/oci/index.ts'
import { distributionConformance } from '../peers/index.ts'

const peer = await distributionConformance()
const dir = mkdtempSync(join(tmpdir(), 'sluice-conformance-'))
after(() => rmSync(dir, { recursive: true, force: true }))

describe('the OCI distribution specification', { skip: peer.skip }, () => {
  for (const [name, users] of [
    ['open', undefined],
    ['with users', { ann: 'pw' }],
  ] as const) {
    it(`every test of it passes, ${name}`, async () => {
      const auth = users === undefined ? {} : { auth: { users } }
      const registry = await startRegistry({ dir: join(dir, name), port: 0, ...auth })
      const results = join(dir, `${name} results`)
      const env = {
        ...process.env,
        OCI_VERSION: '1.1',
        OCI_REGISTRY: registry.address,
        OCI_TLS: 'disabled',
        OCI_RESULTS_DIR: results,
        // What the specification leaves open and we do all the same.
        OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
        OCI_API_BLOBS_DIGEST_HEADER: 'true',
        OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
        ...(users === undefined ? {} : { OCI_USERNAME: 'ann', OCI_PASSWORD: users.ann }),
      }
      try {
        await promisify(execFile)(peer.path, { cwd: dir, env, timeout: 120_000, maxBuffer: 64 << 20 })
      } finally {
        await registry.close()
      }
      const report = readFileSync(join(results, 'junit.xml'), 'utf8')
      const counts = /<testsuite name="OCI Conformance Test" tests="(\d+)" failures="(\d+)" errors="(\d+)"/.exec(report)
      assert.ok(Number(counts?.[1]) > 800, `${counts?.[1]} tests ran`)
      assert.deepEqual(counts?.slice(2), ['0', '0'])
      // What cannot be mounted because nobody says from where is asked for, as the specification lets a registry do.
      const others = [
        ...report.matchAll(/<testcase name="OCI Conformance Test\/([^"]*)"[^>]*status="(?!passed)(\w+)"/g),
      ]
      assert.deepEqual(
        others.map(([, test, status]) => `${test}: ${status}`),
        ['sha256', 'sha512'].map((hash) => `${hash} blobs/mount anonymous/blob-mount-anonymous: skipped`),
      )
    })
  }
})
