/** The official JavaScript client against the embedded API server: another implementation of the client's side. */
import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import {
  ApiextensionsV1Api,
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  type V1Status,
  VersionApi,
  Watch,
} from '@kubernetes/client-node'
import { type ApiServer, type PodRuntime, startApiServer } from '../../src/apiserver/index.ts'
import { within } from '../within.ts'

const runtime: PodRuntime = {
  logs: async (_namespace, pod) => Readable.from([`log of ${pod}\n`]),
  async exec(_namespace, _pod, { command, stdout, stdin }) {
    let input = ''
    for await (const chunk of stdin ?? []) input += chunk
    stdout?.write(`${command.join(' ')}:${input}`)
    return 4
  },
}

let server: ApiServer
const config = new KubeConfig()

before(async () => {
  server = await startApiServer({ dataDir: ':memory:', port: 0, podRuntime: () => runtime })
  config.loadFromString(server.kubeconfig)
})
after(() => server.close())

async function until(what: string, done: () => boolean): Promise<void> {
  for (let i = 0; !done(); i++) {
    assert.ok(i < 500, what)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('typed clients: create, read, list by selector, replace, delete', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const made = await core.createNamespacedConfigMap({
    namespace: 'default',
    body: { metadata: { name: 'a', labels: { x: '1' } }, data: { k: 'v' } },
  })
  assert.ok(made.metadata?.creationTimestamp instanceof Date)
  const list = await core.listNamespacedConfigMap({ namespace: 'default', labelSelector: 'x=1', limit: 1 })
  assert.deepEqual(
    list.items.map((item) => item.metadata?.name),
    ['a'],
  )
  const replaced = await core.replaceNamespacedConfigMap({
    name: 'a',
    namespace: 'default',
    body: { ...made, data: { k: 'w' } },
  })
  assert.equal(replaced.data?.['k'], 'w')
  await assert.rejects(core.replaceNamespacedConfigMap({ name: 'a', namespace: 'default', body: made }), { code: 409 })
  const status = (await core.deleteNamespacedConfigMap({ name: 'a', namespace: 'default' })) as V1Status
  assert.equal(status.status, 'Success')
  await assert.rejects(core.readNamespacedConfigMap({ name: 'a', namespace: 'default' }), { code: 404 })
  assert.equal((await config.makeApiClient(VersionApi).getCode()).minor, '33')
})

test('deployments, leases with microseconds, custom resources', async () => {
  const apps = config.makeApiClient(AppsV1Api)
  const labels = { app: 'x' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const made = await apps.createNamespacedDeployment({
    namespace: 'default',
    body: { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template } },
  })
  assert.equal(made.spec?.replicas, 1)
  const scale = await apps.readNamespacedDeploymentScale({ name: 'd', namespace: 'default' })
  assert.equal(scale.status?.selector, 'app=x')

  const leases = config.makeApiClient(CoordinationV1Api)
  const lease = await leases.createNamespacedLease({
    namespace: 'default',
    body: { metadata: { name: 'l' }, spec: { holderIdentity: 'me', leaseDurationSeconds: 15 } },
  })
  assert.equal(lease.spec?.holderIdentity, 'me')

  await config.makeApiClient(ApiextensionsV1Api).createCustomResourceDefinition({
    body: {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            subresources: { status: {} },
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  spec: { type: 'object', properties: { n: { type: 'integer', _default: 1 } } },
                  status: { type: 'object', properties: { seen: { type: 'integer' } } },
                },
              },
            },
          },
        ],
      },
    },
  })
  const custom = config.makeApiClient(CustomObjectsApi)
  const at = { group: 'example.com', version: 'v1', namespace: 'default', plural: 'things' }
  const thing = await custom.createNamespacedCustomObject({
    ...at,
    body: { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec: {} },
  })
  assert.equal(thing.spec.n, 1)
  const seen = await custom.replaceNamespacedCustomObjectStatus({
    ...at,
    name: 't',
    body: { ...thing, spec: { n: 9 }, status: { seen: 1 } },
  })
  assert.deepEqual([seen.spec.n, seen.status.seen], [1, 1])
})

test('the generic client finds kinds by discovery and applies on the server', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config)
  const map = (data: Record<string, string>): V1ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'ssa', namespace: 'default' },
    data,
  })
  await objects.patch(map({ a: '1' }), undefined, undefined, 'one', undefined, PatchStrategy.ServerSideApply)
  const both = await objects.patch(
    map({ b: '2' }),
    undefined,
    undefined,
    'two',
    undefined,
    PatchStrategy.ServerSideApply,
  )
  assert.deepEqual(both.data, { a: '1', b: '2' })
  await assert.rejects(
    objects.patch(map({ a: 'x' }), undefined, undefined, 'two', false, PatchStrategy.ServerSideApply),
    { code: 409 },
  )
  const merged = await objects.patch(
    map({ c: '3' }),
    undefined,
    undefined,
    undefined,
    undefined,
    PatchStrategy.StrategicMergePatch,
  )
  assert.deepEqual(merged.data, { a: '1', b: '2', c: '3' })
  const list = await objects.list<V1ConfigMap>('v1', 'ConfigMap', 'default')
  assert.ok(list.items.some((item) => item.metadata?.name === 'ssa'))
})

test('an informer lists and then watches', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const seen: string[] = []
  const path = '/api/v1/namespaces/kube-public/configmaps'
  const informer = makeInformer<V1ConfigMap>(config, path, () =>
    core.listNamespacedConfigMap({ namespace: 'kube-public' }),
  )
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, (object) => seen.push(`${verb} ${object.metadata?.name}`))
  await informer.start()
  await until('the first list', () => seen.includes('add kube-root-ca.crt'))
  await core.createNamespacedConfigMap({ namespace: 'kube-public', body: { metadata: { name: 'i' } } })
  await core.replaceNamespacedConfigMap({
    name: 'i',
    namespace: 'kube-public',
    body: { metadata: { name: 'i' }, data: { a: 'b' } },
  })
  await core.deleteNamespacedConfigMap({ name: 'i', namespace: 'kube-public' })
  await until('three changes', () => seen.includes('delete i'))
  assert.deepEqual(seen, ['add kube-root-ca.crt', 'add i', 'update i', 'delete i'])
  await informer.stop()
})

test('a watch of one kind in all namespaces', async () => {
  const events: string[] = []
  const watch = new Watch(config)
  const controller = await watch.watch(
    '/api/v1/namespaces',
    {},
    (type, object) => events.push(`${type} ${object.metadata.name}`),
    () => {},
  )
  await until('the namespaces there are', () => events.includes('ADDED kube-system'))
  controller.abort()
})

test('logs and exec', async () => {
  const core = config.makeApiClient(CoreV1Api)
  await core.createNamespacedPod({
    namespace: 'default',
    body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  })
  assert.equal(await core.readNamespacedPodLog({ name: 'p', namespace: 'default' }), 'log of p\n')
  const followed = new PassThrough()
  await new Log(config).log('default', 'p', 'c', followed, { follow: true })
  assert.equal(String(await followed.setEncoding('utf8').toArray()), 'log of p\n')

  const stdout = new PassThrough().setEncoding('utf8')
  const ended = new Promise<V1Status>((resolve, reject) => {
    new Exec(config)
      .exec('default', 'p', 'c', ['say', 'it'], stdout, null, Readable.from(['in']), false, resolve)
      .catch(reject)
  })
  const status = await within('the end of the command', ended)
  assert.equal(status.details?.causes?.[0]?.message, '4')
  assert.equal(stdout.read(), 'say it:in')
})
