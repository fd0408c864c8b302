import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KubeApiError, type KubeClient } from '../kube/index.ts'
import { settle, until } from '../xds/testing.ts'
import { Watches } from './watches.ts'

/** An API server that is down for the first requests, and then serves core kinds only. */
function server(failures: number) {
  const asked: string[] = []
  const kube = {
    async request(_method: string, path: string) {
      asked.push(path)
      if (failures-- > 0) throw new Error('connect ECONNREFUSED')
      if (path !== '/api/v1') throw new KubeApiError({ code: 404, message: 'not found', reason: 'NotFound' })
      return { resources: ['namespaces', 'services', 'pods', 'secrets'].map((name) => ({ name })) }
    },
    list: async () => ({ metadata: { resourceVersion: '1' }, items: [] }),
    watch: (_type: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as KubeClient
  return { kube, asked }
}

test('kinds that are not served count as empty', async () => {
  const { kube } = server(0)
  const watches = new Watches(kube, () => {})
  await watches.start()
  watches.stop()
})

test('an API server that cannot be reached is waited for: it is not an empty mesh', async () => {
  const { kube, asked } = server(12)
  const watches = new Watches(kube, () => {})
  let started = false
  const start = watches.start().then(() => {
    started = true
  })
  await settle()
  assert.equal(started, false)
  await until(() => started)
  await start
  assert.ok(asked.filter((path) => path === '/api/v1').length >= 2)
  watches.stop()
})
