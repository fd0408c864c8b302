import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KubeClient, type KubeObject, parseKubeConfig } from '../../src/kube/index.ts'

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** What is killed: an API server on the folder of its argument, which prints where it is. */
const SERVER = `
  import { startApiServer } from './src/apiserver/index.ts'
  const { token, kubeconfig } = await startApiServer({ dataDir: process.argv[1], port: 0 })
  console.log(JSON.stringify({ token, kubeconfig }))
`
const dir = mkdtempSync(join(tmpdir(), 'sluice-crash-'))
const children: ChildProcess[] = []

after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

async function start(): Promise<{ child: ChildProcess; kube: KubeClient; token: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, dir], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the server ended with ${code}`)))
  ended.catch(() => {})
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string]
  const { kubeconfig, token } = JSON.parse(line) as { kubeconfig: string; token: string }
  return { child, kube: new KubeClient(parseKubeConfig(kubeconfig)), token }
}

test('kill -9 after 1,000 acknowledged applies, in the middle of more: all of them are there after a restart', async () => {
  const { child, kube, token } = await start()
  const acknowledged = new Map<string, KubeObject>()
  const deleted: string[] = []
  let stop = false
  const writer = async (worker: number) => {
    for (let i = 0; !stop; i++) {
      const name = `c-${worker}-${i}`
      const object = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default' },
        data: { at: `${worker} ${i}` },
      }
      const stored = await kube.apply(CONFIG_MAPS, object, 'crash-test').catch((error: unknown) => {
        if (!stop) throw error
      })
      if (stored !== undefined && !stop) acknowledged.set(name, stored)
      if (i % 10 === 9 && !stop) {
        const name = `c-${worker}-${i - 5}`
        // Until it is acknowledged a deletion may or may not have happened.
        acknowledged.delete(name)
        await kube.delete(CONFIG_MAPS, { name, namespace: 'default' }).then(
          () => deleted.push(name),
          (error: unknown) => {
            if (!stop) throw error
          },
        )
      }
      if (acknowledged.size >= 1000 && !stop) {
        stop = true
        child.kill('SIGKILL')
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: 8 }, (_, worker) => writer(worker)))
  kube.close()
  for (const result of results) if (result.status === 'rejected') throw result.reason
  if (child.signalCode === null) await once(child, 'exit')

  const again = await start()
  assert.equal(again.token, token, 'a kubeconfig outlives the restart')
  const { items, metadata } = await again.kube.list(CONFIG_MAPS, { namespace: 'default' })
  const there = new Map(items.map((item) => [item.metadata.name, item]))
  for (const [name, object] of acknowledged) assert.deepEqual(there.get(name)?.['data'], object['data'], name)
  for (const name of deleted) assert.ok(!there.has(name), `${name} came back`)
  const newest = Math.max(...[...acknowledged.values()].map((object) => Number(object.metadata.resourceVersion)))
  assert.ok(Number(metadata.resourceVersion) >= newest, 'versions go on from where they were')
  again.kube.close()
})
