import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { call, create, deployment, get, kube, pod, pods, readyPods, remove, sh, until } from './testing.ts'
import { DEPLOYMENTS, ENDPOINT_SLICES, isReady, PODS, SERVICES } from './types.ts'

describe('a Service', () => {
  test('has the ready Pods in its EndpointSlice, and its name works in every Pod', async () => {
    await create(SERVICES, 'web', {
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    })
    await deployment('web', { replicas: 2 })
    await deployment('client', {}, { ...sh('exec sleep 1000') })
    const addresses = async () => {
      const slices = await kube.list(ENDPOINT_SLICES, {
        namespace: 'default',
        labelSelector: 'kubernetes.io/service-name=web',
      })
      return slices.items.flatMap((each) =>
        each['endpoints']
          .filter((one: { conditions: { ready: boolean } }) => one.conditions.ready)
          .map((one: { addresses: string[] }) => one.addresses[0]),
      )
    }
    await until('two endpoints', async () => (await addresses()).length === 2)
    const ready = await readyPods('web')
    assert.deepEqual((await addresses()).sort(), ready.map((each) => each.status?.podIP).sort())

    const client = await until('a client', async () => (await readyPods('client'))[0])
    const script = `
      const get = (url) => new Promise((ok, no) => require('node:http').get(url, (r) => { let t = ''; r.on('data', (c) => t += c).on('end', () => ok(r.statusCode === 200 ? JSON.parse(t).host : r.statusCode)) }).on('error', no))
      ;(async () => { for (const url of process.argv.slice(1)) console.log(await get(url)) })()`
    const ask = async (...urls: string[]) => {
      const stdout = new PassThrough()
      const said = text(stdout)
      const options = {
        container: '',
        command: [process.execPath, '-e', script, ...urls],
        tty: false,
        stdin: undefined,
        stdout,
        stderr: undefined,
      }
      const signal = new AbortController().signal
      assert.equal(
        await pods.runtime.exec('default', client.metadata.name, { ...options, onResize: () => {}, signal }),
        0,
      )
      stdout.end()
      return (await said).trim().split('\n')
    }
    const answers = await ask(
      'http://web/',
      'http://web.default/',
      'http://web.default.svc.cluster.local/',
      'http://web:80/',
    )
    const names = ready.map((each) => each.metadata.name).sort()
    assert.deepEqual([...new Set(answers)].sort(), names, 'both answer')
    assert.deepEqual([answers[0], answers[1]], [answers[2], answers[3]], 'in turn')

    await kube.patch(DEPLOYMENTS, { name: 'web', namespace: 'default' }, 'merge', { spec: { replicas: 0 } })
    await until('none', async () => (await addresses()).length === 0)
    assert.deepEqual(await ask('http://web/'), ['503'])
    await remove(SERVICES, 'web')
    await until('no slices', async () => {
      const { items } = await kube.list(ENDPOINT_SLICES, {
        namespace: 'default',
        labelSelector: 'kubernetes.io/service-name=web',
      })
      return items.length === 0
    })
  })

  test('leaves a Pod out while it is not ready', async () => {
    await create(SERVICES, 'moody', { spec: { selector: { app: 'moody' }, ports: [{ port: 8080 }] } })
    await pod('moody', {
      readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    })
    const ready = await until('ready', async () => {
      const now = await get('moody')
      return now !== undefined && isReady(now) && now
    })
    await call(ready.status?.podIP, '/sick')
    await until('not ready', async () => {
      const { items } = await kube.list(ENDPOINT_SLICES, {
        labelSelector: 'kubernetes.io/service-name=moody',
        namespace: 'default',
      })
      return items[0]?.['endpoints'][0]?.conditions.ready === false
    })
    const conditions = (await get('moody'))?.status?.conditions ?? []
    assert.match(
      conditions.find((each) => each.type === 'Ready')?.message ?? '',
      /containers with unready status: \[main\]/,
    )
    await remove(PODS, 'moody')
  })
})
