import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ApiServer, startApiServer } from '../apiserver/index.ts'
import { KubeClient, parseKubeConfig } from '../kube/index.ts'
import { markNotReady } from './former-run.ts'
import { DEPLOYMENTS, type Deployment } from './types.ts'

const SPEC = {
  selector: { matchLabels: { app: 'a' } },
  template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
}

async function withKube(api: ApiServer, use: (kube: KubeClient) => Promise<void>): Promise<void> {
  const kube = new KubeClient(parseKubeConfig(api.kubeconfig))
  try {
    await use(kube)
  } finally {
    kube.close()
    await api.close()
  }
}

test('a Deployment is not Available by what a former run said: `kubectl wait` waits for this one', async () => {
  await withKube(await startApiServer({ dataDir: ':memory:', port: 0 }), async (kube) => {
    const at = { name: 'a', namespace: 'default' }
    await kube.create(DEPLOYMENTS, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: at, spec: SPEC })
    const condition = (type: string) => ({
      type,
      status: 'True',
      reason: 'Said',
      lastTransitionTime: '2020-01-01T00:00:00Z',
    })
    const status = { replicas: 2, availableReplicas: 2, conditions: [condition('Available'), condition('Progressing')] }
    await kube.patch(DEPLOYMENTS, at, 'merge', { status }, { subresource: 'status' })
    await markNotReady(kube)
    const now = (await kube.get<Deployment>(DEPLOYMENTS, 'a', 'default')).status
    assert.deepEqual([now?.availableReplicas, now?.unavailableReplicas], [0, 2])
    assert.deepEqual(
      now?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['Available', 'False', 'MinimumReplicasUnavailable'],
        ['Progressing', 'True', 'Said'],
      ],
    )
    assert.notEqual(now?.conditions?.[0].lastTransitionTime, '2020-01-01T00:00:00Z')
  })
})

test('what cannot be said of one Pod keeps nothing from the others, nor Pods from starting', async () => {
  const said: string[] = []
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] }
  const pods = ['a', 'b', 'c'].map((name) => ({ metadata: { name, namespace: 'default' }, status: ready }))
  const kube = {
    list: async (type: unknown) => ({ items: type === DEPLOYMENTS ? [] : pods }),
    patch: async (_type: unknown, { name }: { name: string }) => {
      if (name !== 'b') throw new Error('the connection was lost')
      said.push(name)
    },
  }
  await markNotReady(kube as unknown as KubeClient)
  assert.deepEqual(said, ['b'])
})
