/** Owners, namespaces, CRDs, events: what happens by itself. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { KubeClient, type KubeObject, parseKubeConfig, type ResourceType } from '../../kube/index.ts'
import { type ApiServer, startApiServer } from '../index.ts'
import { Store } from '../store/store.ts'
import { expireEvents } from './events.ts'

const core = (plural: string, kind: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})
const CONFIG_MAPS = core('configmaps', 'ConfigMap')
const NAMESPACES = core('namespaces', 'Namespace', false)
const SERVICES = core('services', 'Service')
const CRDS: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const WIDGETS: ResourceType = {
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}

let server: ApiServer
let kube: KubeClient

before(async () => {
  server = await startApiServer({ dataDir: ':memory:', port: 0 })
  kube = new KubeClient(parseKubeConfig(server.kubeconfig))
})
after(async () => {
  kube.close()
  await server.close()
})

function get(type: ResourceType, { name, namespace }: { name: string; namespace?: string }): Promise<KubeObject> {
  return kube.get(type, name, namespace)
}

async function gone(type: ResourceType, name: string, namespace = 'default'): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const left = await kube.list(type, {
      ...(type.namespaced ? { namespace } : {}),
      fieldSelector: `metadata.name=${name}`,
    })
    if (left.items.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.fail(`${name} is still there`)
}

function configMap(name: string, owners: KubeObject[] = [], metadata: object = {}): KubeObject {
  const ownerReferences = owners.map((owner) => ({
    apiVersion: 'v1',
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    blockOwnerDeletion: true,
  }))
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', ...(owners.length > 0 ? { ownerReferences } : {}), ...metadata },
  }
}

describe('owners', () => {
  test('a dependent stays while one of its owners lives', async () => {
    const [one, two] = [
      await kube.create(CONFIG_MAPS, configMap('one')),
      await kube.create(CONFIG_MAPS, configMap('two')),
    ]
    await kube.create(CONFIG_MAPS, configMap('shared', [one, two]))
    await kube.delete(CONFIG_MAPS, one.metadata)
    await kube.create(CONFIG_MAPS, configMap('witness', [one]))
    await gone(CONFIG_MAPS, 'witness')
    assert.equal((await get(CONFIG_MAPS, { name: 'shared', namespace: 'default' })).metadata.name, 'shared')
    await kube.delete(CONFIG_MAPS, two.metadata)
    await gone(CONFIG_MAPS, 'shared')
  })

  test('generations and cycles go down as well', async () => {
    const top = await kube.create(CONFIG_MAPS, configMap('top'))
    const middle = await kube.create(CONFIG_MAPS, configMap('middle', [top]))
    const bottom = await kube.create(CONFIG_MAPS, configMap('bottom', [middle]))
    await kube.patch(CONFIG_MAPS, middle.metadata, 'merge', {
      metadata: { ownerReferences: configMap('x', [top, bottom]).metadata.ownerReferences },
    })
    await kube.delete(CONFIG_MAPS, top.metadata)
    // middle and bottom own each other now, and nobody else owns them: as upstream, they live on.
    assert.ok(await get(CONFIG_MAPS, bottom.metadata))
    await kube.delete(CONFIG_MAPS, middle.metadata)
    await gone(CONFIG_MAPS, 'bottom')
  })

  test('foreground: the owner waits for a dependent with a finalizer', async () => {
    const owner = await kube.create(CONFIG_MAPS, configMap('front'))
    const held = await kube.create(CONFIG_MAPS, configMap('held', [owner], { finalizers: ['example.com/x'] }))
    await kube.delete(CONFIG_MAPS, owner.metadata, { propagationPolicy: 'Foreground' })
    for (;;) if ((await get(CONFIG_MAPS, held.metadata)).metadata.deletionTimestamp !== undefined) break
    assert.deepEqual((await get(CONFIG_MAPS, owner.metadata)).metadata.finalizers, ['foregroundDeletion'])
    await kube.patch(CONFIG_MAPS, held.metadata, 'merge', { metadata: { finalizers: null } })
    await gone(CONFIG_MAPS, 'front')
  })
})

describe('namespaces', () => {
  test('a new one is furnished, an ending one takes nothing new, and ends when it is empty', async () => {
    await kube.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } })
    await kube.create(CONFIG_MAPS, configMap('stays', [], { namespace: 'n', finalizers: ['example.com/x'] }))
    await kube.create(CONFIG_MAPS, configMap('goes', [], { namespace: 'n' }))
    const { items } = await kube.list(CONFIG_MAPS, { namespace: 'n' })
    assert.deepEqual(
      items.map((item) => item.metadata.name),
      ['goes', 'kube-root-ca.crt', 'stays'],
    )
    assert.ok(await get(core('serviceaccounts', 'ServiceAccount'), { name: 'default', namespace: 'n' }))
    const ending = await kube.delete(NAMESPACES, { name: 'n' })
    assert.equal(ending['status'].phase, 'Terminating')
    await gone(CONFIG_MAPS, 'goes', 'n')
    await assert.rejects(
      kube.create(CONFIG_MAPS, configMap('late', [], { namespace: 'n' })),
      /because it is being terminated/,
    )
    await kube.patch(CONFIG_MAPS, { name: 'stays', namespace: 'n' }, 'merge', { metadata: { finalizers: null } })
    await gone(NAMESPACES, 'n')
    assert.deepEqual((await kube.list(CONFIG_MAPS, { namespace: 'n' })).items, [])
  })
})

describe('service addresses', () => {
  const service = (name: string, spec: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }], ...spec },
  })

  test('are unique, kept, chosen, or none', async () => {
    const a = await kube.create(SERVICES, service('a'))
    const b = await kube.create(SERVICES, service('b'))
    assert.match(a['spec'].clusterIP, /^10\.96\.0\.\d+$/)
    assert.notEqual(a['spec'].clusterIP, b['spec'].clusterIP)
    assert.deepEqual(a['spec'].ports, [{ port: 80, protocol: 'TCP', targetPort: 80 }])
    const kept = await kube.update<KubeObject>(SERVICES, {
      ...service('a', { type: 'ClusterIP' }),
      metadata: a.metadata,
    })
    assert.equal(kept['spec'].clusterIP, a['spec'].clusterIP)
    await assert.rejects(
      kube.create(SERVICES, service('c', { clusterIP: a['spec'].clusterIP })),
      /provided IP is already allocated/,
    )
    await assert.rejects(
      kube.update(SERVICES, { ...service('a', { clusterIP: '10.96.9.9' }), metadata: a.metadata }),
      /may not change once set/,
    )
    assert.equal((await kube.create(SERVICES, service('headless', { clusterIP: 'None' })))['spec'].clusterIP, 'None')
    assert.equal(
      (await kube.create(SERVICES, service('outside', { type: 'ExternalName', externalName: 'x.y' })))['spec']
        .clusterIP,
      undefined,
    )
  })
})

const crd = (extra: object = {}, names: object = {}): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', ...names },
    versions: ['v1', 'v1beta1'].map((name) => ({
      name,
      served: true,
      storage: name === 'v1',
      ...(name === 'v1beta1' ? { deprecated: true } : {}),
      subresources: { status: {} },
      selectableFields: [{ jsonPath: '.spec.color' }],
      schema: {
        openAPIV3Schema: {
          type: 'object',
          properties: {
            spec: { type: 'object', properties: { color: { type: 'string', default: 'red' }, ...extra } },
            status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      },
    })),
  },
})

describe('custom resources', () => {
  const widget = (name: string, spec: object, version = 'v1'): KubeObject => ({
    apiVersion: `example.com/${version}`,
    kind: 'Widget',
    metadata: { name, namespace: 'default' },
    spec,
  })
  const BETA = { ...WIDGETS, version: 'v1beta1' }

  test('all versions see the same objects; defaults, selectable fields, generations', async () => {
    const made = await kube.create(CRDS, crd())
    assert.deepEqual(
      made['status'].conditions.map((c: { type: string }) => c.type),
      ['NamesAccepted', 'Established'],
    )
    assert.equal(made['spec'].names.listKind, 'WidgetList')
    const one = await kube.create(BETA, widget('one', {}, 'v1beta1'))
    assert.deepEqual([one.apiVersion, one['spec'].color, one.metadata.generation], ['example.com/v1beta1', 'red', 1])
    const same = await get(WIDGETS, one.metadata)
    assert.deepEqual([same.apiVersion, same.metadata.uid], ['example.com/v1', one.metadata.uid])
    await kube.create(WIDGETS, widget('two', { color: 'blue', unknown: 1 }))
    const blue = await kube.list(WIDGETS, { fieldSelector: 'spec.color=blue' })
    assert.deepEqual(
      blue.items.map((item) => item['spec']),
      [{ color: 'blue' }],
    )
    const changed = await kube.patch(WIDGETS, one.metadata, 'merge', {
      spec: { color: 'green' },
      status: { ignored: true },
    })
    assert.deepEqual([changed.metadata.generation, changed['status']], [2, undefined])
    const status = await kube.patch(
      WIDGETS,
      one.metadata,
      'merge',
      { status: { ok: true }, spec: { color: 'no' } },
      { subresource: 'status' },
    )
    assert.deepEqual([status.metadata.generation, status['spec'].color, status['status']], [2, 'green', { ok: true }])
    await assert.rejects(
      kube.update(WIDGETS, widget('one', {})),
      /metadata\.resourceVersion: Invalid value: 0x0: must be specified for an update/,
    )
  })

  test('who applies in another version is the same applier', async () => {
    await kube.patch(BETA, { name: 'ssa', namespace: 'default' }, 'apply', widget('ssa', { color: 'a' }, 'v1beta1'), {
      fieldManager: 'me',
    })
    const { metadata, spec } = (await kube.patch(
      WIDGETS,
      { name: 'ssa', namespace: 'default' },
      'apply',
      widget('ssa', { color: 'b' }),
      {
        fieldManager: 'me',
      },
    )) as KubeObject & { metadata: { managedFields: { apiVersion: string }[] } }
    assert.equal(spec.color, 'b')
    assert.deepEqual(
      metadata.managedFields.map((entry) => entry.apiVersion),
      ['example.com/v1'],
    )
    await kube.delete(WIDGETS, metadata)
  })

  test('a changed definition is served at once; a wrong one is refused and changes nothing', async () => {
    const before = await get(CRDS, { name: 'widgets.example.com' })
    await kube.update(CRDS, { ...crd({ size: { type: 'integer' } }), metadata: before.metadata })
    assert.equal((await kube.create(WIDGETS, widget('sized', { size: 3 })))['spec'].size, 3)
    const { metadata } = await get(CRDS, { name: 'widgets.example.com' })
    await assert.rejects(kube.update(CRDS, { ...crd({ size: { type: 'nonsense' } }), metadata }), /is invalid/)
    await assert.rejects(kube.update(CRDS, { ...crd({}, { kind: 'Other' }), metadata }), /field is immutable/)
    assert.equal((await kube.create(WIDGETS, widget('sized2', { size: 3 })))['spec'].size, 3)
  })

  test('its deletion ends watches, deletes objects, and waits for their finalizers', async () => {
    await kube.patch(WIDGETS, { name: 'one', namespace: 'default' }, 'merge', {
      metadata: { finalizers: ['example.com/x'] },
    })
    const { metadata } = await kube.list(WIDGETS)
    const watched: string[] = []
    const options = { resourceVersion: metadata.resourceVersion, signal: AbortSignal.timeout(20_000) }
    const watch = kube.watch(WIDGETS, options, ({ type, object }) => watched.push(`${type} ${object.metadata.name}`))
    await kube.delete(CRDS, { name: 'widgets.example.com' })
    await gone(WIDGETS, 'two')
    assert.ok((await get(CRDS, { name: 'widgets.example.com' })).metadata.deletionTimestamp)
    await kube.patch(WIDGETS, { name: 'one', namespace: 'default' }, 'merge', { metadata: { finalizers: null } })
    await gone(CRDS, 'widgets.example.com')
    await watch
    assert.ok(watched.includes('DELETED two') && watched.includes('DELETED one'), String(watched))
    await assert.rejects(kube.list(WIDGETS), /could not find the requested resource/)
  })
})

describe('starting', () => {
  test('CRD files are loaded, loaded again without a write, updated, and refused with their name', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-crds-'))
    const crds = join(dir, 'crds')
    mkdirSync(crds)
    const file = join(crds, 'widgets.yaml')
    const start = async () => {
      const started = await startApiServer({ dataDir: join(dir, 'data'), port: 0, crdDirs: [crds] })
      const client = new KubeClient(parseKubeConfig(started.kubeconfig))
      const found = await client.get<KubeObject>(CRDS, 'widgets.example.com')
      client.close()
      await started.close()
      return found
    }
    try {
      writeFileSync(file, JSON.stringify(crd()))
      writeFileSync(join(crds, 'README.md'), 'not YAML: {')
      const first = await start()
      assert.equal((await start()).metadata.resourceVersion, first.metadata.resourceVersion)
      writeFileSync(file, JSON.stringify(crd({ size: { type: 'integer' } })))
      const updated = await start()
      assert.deepEqual([updated.metadata.generation, updated.metadata.uid], [2, first.metadata.uid])
      writeFileSync(file, 'kind: [')
      await assert.rejects(start(), { code: 'SL1001', where: file })
      writeFileSync(file, JSON.stringify({ ...crd(), metadata: { name: 'wrong.example.com' } }))
      await assert.rejects(start(), /SluiceError: a CRD file cannot be loaded.*must be spec\.names\.plural/)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  test('a taken port is named', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    await assert.rejects(
      startApiServer({ dataDir: ':memory:', port }),
      (error: Error & { code: string }) => error.code === 'SL6001' && error.message.includes(String(port)),
    )
    other.close()
  })

  test('a folder in use is named', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-busy-'))
    const first = await startApiServer({ dataDir: dir, port: 0 })
    await assert.rejects(startApiServer({ dataDir: dir, port: 0 }), { code: 'SL1002' })
    await first.close()
    rmSync(dir, { recursive: true, force: true })
  })
})

test('events go after an hour', () => {
  const store = new Store(':memory:')
  const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
  const event = (name: string, fields: object) =>
    store.put('events', 'default', name, { apiVersion: 'v1', kind: 'Event', metadata: { name }, ...fields })
  event('old', { lastTimestamp: at(61) })
  event('new', { lastTimestamp: at(59) })
  event('series', { eventTime: at(5) })
  event('undated', {})
  expireEvents(store)
  assert.deepEqual(
    store.table('events').sorted.map((entry) => entry.name),
    ['new', 'series'],
  )
  store.close()
})
