import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { logger } from '../../telemetry/log.ts'
import { Authority, type Pair, TLS } from '../listener/testing.ts'
import { StatsStore } from '../stats/store.ts'

import { FieldWatch } from './field-watch.ts'
import { SecretFiles } from './secret-files.ts'
import { SecretUpdates } from './secret-updates.ts'

/** What this process watches, as Linux tells it. */
function watched(): number {
  let count = 0
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      count += readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').match(/^inotify wd:/gm)?.length ?? 0
    } catch {
      // It was the one that the folder is read by.
    }
  }
  return count
}

test('what is under way when secrets are closed, or not needed any more, leaves nothing watched', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
  const pair: Pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'one.example' }])
  for (const end of ['cert', 'key'] as const) writeFileSync(join(dir, end), pair[end])
  const path = join(dir, 'secret.yaml')
  const of = (name: string) => `{ filename: ${join(dir, name)} }`
  writeFileSync(
    path,
    `resources: [{ "@type": ${TLS}.Secret, name: cert, tls_certificate: { certificate_chain: ${of('cert')}, private_key: ${of('key')} } }]`,
  )
  const file = { path, watchedDirectory: undefined, field: 'path' }
  const need = {
    key: 'cert',
    name: 'cert',
    kind: 'tlsCertificate',
    path: 'there',
    file,
    dynamic: true,
    fetchTimeoutMs: 0,
  } as const
  const before = watched()
  try {
    for (const when of ['reading', 'queued', 'unneeded'] as const) {
      const put = Promise.withResolvers<void>()
      const users = {
        put: () => put.promise,
        drop: async () => {},
        renew: async () => [],
        arrived: async () => {},
        inTurn: () => {},
      }
      const secrets = new SecretUpdates(
        users,
        new FieldWatch(new StatsStore(), logger('test')),
        new StatsStore(),
        logger('test'),
      )
      const files = new SecretFiles(secrets, () => {}, new StatsStore(), logger('test'))
      const opened = when === 'queued' ? undefined : files.open([need])
      if (opened !== undefined) assert.ok(watched() > before)
      if (when === 'unneeded') files.keep([])
      else {
        files.close()
        secrets.close()
      }
      put.resolve()
      await (opened ?? files.open([need]))
      assert.equal(watched(), before, when)
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
})
