import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { KubeClient, loadKubeConfig } from '../../src/kube/index.ts'
import { Instance } from './instance.ts'

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }

test('kill -9 during 1,000 applies: every acknowledged object is there after the restart', async () => {
  const first = await Instance.start({ args: ['--no-samples'] })
  const client = new KubeClient(loadKubeConfig(`${first.home}/kubeconfig`))
  const acknowledged: string[] = []
  const killAfter = 600
  const apply = async (i: number) => {
    const name = `object-${i}`
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
      data: { i: String(i) },
    }
    await client.apply(CONFIG_MAPS, object, 'crash-test')
    acknowledged.push(name)
    if (acknowledged.length === killAfter) first.process.kill('SIGKILL')
  }
  for (let i = 0; i < 1000; i += 20) {
    const batch = Array.from({ length: 20 }, (_, j) => apply(i + j))
    if ((await Promise.allSettled(batch)).some((one) => one.status === 'rejected')) break
  }
  client.close()
  assert.ok(
    acknowledged.length >= killAfter && acknowledged.length < 1000,
    `killed in the middle: ${acknowledged.length}`,
  )

  const second = await Instance.start({ home: first.home, args: ['--no-samples'] })
  try {
    const again = new KubeClient(loadKubeConfig(`${second.home}/kubeconfig`))
    const { items } = await again.list(CONFIG_MAPS, { namespace: 'default' })
    const there = new Set(items.map((item) => item.metadata.name))
    assert.deepEqual(
      acknowledged.filter((name) => !there.has(name)),
      [],
    )
    again.close()
  } finally {
    await second.stop()
    rmSync(first.home, { recursive: true, force: true })
  }
})
