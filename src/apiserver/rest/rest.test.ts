/** The API over HTTP: what kubectl does not show, and what other clients depend on. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Registry } from '../../telemetry/metrics.ts'
import { type ApiServer, startApiServer } from '../index.ts'
import { type Answer, clientOf } from '../testing/client.ts'

const registry = new Registry()
let server: ApiServer
const { call } = clientOf(() => server)

before(async () => {
  server = await startApiServer({ dataDir: ':memory:', port: 0, registry })
})
after(() => server.close())

const CMS = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

describe('who may ask', () => {
  test('nobody without credentials, everybody for health', async () => {
    const anonymous = { authorization: '' }
    const refused = await call('GET', '/api/v1/pods', undefined, anonymous)
    assert.deepEqual([refused.status, refused.body.reason], [401, 'Unauthorized'])
    assert.equal((await call('GET', '/api/v1/pods', undefined, { authorization: 'Bearer wrong' })).status, 401)
    for (const path of ['/healthz', '/readyz', '/livez'])
      assert.equal((await call('GET', path, undefined, anonymous)).body, 'ok')
    assert.equal((await call('GET', '/metrics', undefined, anonymous)).status, 401)
  })

  test('nobody may act as somebody else: there is only one user', async () => {
    const { status, body } = await call('GET', CMS, undefined, { 'impersonate-user': 'jane' })
    assert.equal(status, 403)
    assert.match(body.message, /users "jane" is forbidden: /)
  })

  test('the metrics count requests', async () => {
    await call('GET', CMS)
    assert.match(
      (await call('GET', '/metrics')).body,
      /apiserver_request_total\{verb="LIST",resource="configmaps",code="200"\} \d+/,
    )
  })
})

describe('paths and methods that do not exist', () => {
  const cases: [string, string, number, RegExp][] = [
    ['GET', '/nowhere', 404, /the server could not find the requested resource/],
    ['GET', '/apis/no.group/v1/things', 404, /could not find the requested resource/],
    ['GET', '/api/v1/namespaces/default/nonsense', 404, /could not find/],
    ['GET', '/api/v1/configmaps/x', 404, /could not find/],
    ['GET', '/api/v1/namespaces/default/namespaces/x', 404, /could not find/],
    ['GET', `${CMS}/x/status`, 404, /could not find/],
    ['GET', `${CMS}/%zz`, 404, /could not find/],
    ['GET', `${CMS}/absent`, 404, /configmaps "absent" not found/],
    [
      'GET',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      405,
      /list is not supported on resources of kind "selfsubjectaccessreviews.authorization.k8s.io"/,
    ],
    ['PUT', CMS, 404, /not found|could not find/],
  ]
  for (const [method, path, status, message] of cases) {
    test(`${method} ${path}: ${status}`, async () => {
      const answer = await call(method, path, method === 'PUT' ? configMap('x') : undefined)
      assert.equal(answer.status, status)
      assert.equal(answer.body.kind, 'Status')
      assert.match(answer.body.message, message)
    })
  }
})

describe('writing', () => {
  test('create sets what the server owns, and refuses what it must', async () => {
    const sent = {
      ...configMap('made'),
      metadata: {
        name: 'made',
        uid: 'mine',
        creationTimestamp: null,
        generation: 7,
        deletionTimestamp: '2020-01-01T00:00:00Z',
      },
    }
    const { status, body } = await call('POST', CMS, sent)
    assert.equal(status, 201)
    assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/)
    assert.match(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(body.metadata.deletionTimestamp, undefined)
    assert.equal(body.metadata.generation, undefined)
    assert.equal(body.metadata.namespace, 'default')
    assert.equal((await call('POST', CMS, sent)).body.reason, 'AlreadyExists')
    const versioned = { ...configMap('v'), metadata: { name: 'v', resourceVersion: '5' } }
    assert.match(
      (await call('POST', CMS, versioned)).body.message,
      /resourceVersion should not be set on objects to be created/,
    )
    const elsewhere = { ...configMap('v'), metadata: { name: 'v', namespace: 'other' } }
    assert.match((await call('POST', CMS, elsewhere)).body.message, /namespace of the provided object does not match/)
  })

  test('kind and apiVersion of built-in kinds may be left out, but not be wrong', async () => {
    const { body } = await call('POST', CMS, { metadata: { name: 'bare' } })
    assert.deepEqual([body.kind, body.apiVersion], ['ConfigMap', 'v1'])
    assert.equal((await call('POST', CMS, { ...configMap('w'), kind: 'Secret' })).status, 400)
    assert.equal((await call('POST', CMS, { ...configMap('w'), apiVersion: 'v2' })).status, 400)
  })

  test('update: stale versions conflict, an update without change is no write', async () => {
    const { body: made } = await call('POST', CMS, configMap('u', { a: '1' }))
    const path = `${CMS}/u`
    const { body: second } = await call('PUT', path, { ...made, data: { a: '2' } })
    const stale = await call('PUT', path, { ...made, data: { a: '3' } })
    assert.deepEqual([stale.status, stale.body.reason], [409, 'Conflict'])
    assert.equal((await call('PUT', path, second)).body.metadata.resourceVersion, second.metadata.resourceVersion)
    assert.equal((await call('PUT', path, { ...second, metadata: { ...second.metadata, uid: 'other' } })).status, 409)
    assert.equal((await call('PUT', path, { ...second, metadata: { name: 'else' } })).status, 400)
    assert.equal((await call('PUT', path, configMap('u', { free: 'yes' }))).status, 200, 'no version: no condition')
  })

  test('dry run answers as if, and stores nothing', async () => {
    const { body } = await call('POST', `${CMS}?dryRun=All`, configMap('dry'))
    assert.ok(body.metadata.uid)
    assert.equal(body.metadata.resourceVersion, undefined)
    assert.equal((await call('GET', `${CMS}/dry`)).status, 404)
    assert.equal((await call('DELETE', `${CMS}/u?dryRun=All`)).status, 200)
    assert.equal((await call('DELETE', `${CMS}/u`, { kind: 'DeleteOptions', dryRun: ['All'] })).status, 200)
    assert.equal((await call('GET', `${CMS}/u`)).status, 200)
    assert.equal((await call('POST', `${CMS}?dryRun=Some`, configMap('dry'))).status, 422)
  })

  test('preconditions of a deletion; the Status of one', async () => {
    const { body } = await call('POST', CMS, configMap('pre'))
    const refused = await call('DELETE', `${CMS}/pre`, { preconditions: { uid: 'other' } })
    assert.match(refused.body.message, /Precondition failed: UID in precondition: other, UID in object meta/)
    const deleted = await call('DELETE', `${CMS}/pre`, { preconditions: { uid: body.metadata.uid } })
    assert.deepEqual(deleted.body.details, { name: 'pre', kind: 'configmaps', uid: body.metadata.uid })
  })

  test('field managers: who wrote what, and a reset', async () => {
    await call('POST', `${CMS}?fieldManager=one`, configMap('owned', { a: '1', b: '1' }))
    const { body } = await call('PATCH', `${CMS}/owned`, { data: { b: '2' } }, { 'user-agent': 'two/1.0 (linux)' })
    const fields = body.metadata.managedFields.map((entry: { manager: string; fieldsV1: object }) => [
      entry.manager,
      entry.fieldsV1,
    ])
    assert.deepEqual(fields, [
      ['one', { 'f:data': { 'f:a': {} } }],
      ['two', { 'f:data': { 'f:b': {} } }],
    ])
    const reset = await call('PATCH', `${CMS}/owned`, { metadata: { managedFields: [{}] } })
    assert.equal(reset.body.metadata.managedFields, undefined)
    const apply = { 'content-type': 'application/apply-patch+yaml' }
    assert.match(
      (await call('PATCH', `${CMS}/owned`, configMap('owned'), apply)).body.message,
      /fieldManager: Required value: is required for apply patch/,
    )
    assert.equal((await call('PATCH', `${CMS}/owned?force=true`, {})).status, 422)
  })

  test('bodies: too large, no object, other types', async () => {
    assert.equal((await call('POST', CMS, configMap('big', { a: 'x'.repeat(3_200_000) }))).status, 413)
    assert.equal((await call('POST', CMS, '[]')).status, 400)
    assert.equal((await call('POST', CMS, '{')).status, 400)
    assert.equal((await call('POST', CMS, 'x', { 'content-type': 'text/plain' })).status, 415)
    assert.equal((await call('PATCH', `${CMS}/u`, '{}', { 'content-type': 'application/json' })).status, 415)
    const yaml = await call('POST', CMS, 'metadata: {name: yaml}\ndata: {a: b}', {
      'content-type': 'application/yaml',
      accept: 'application/yaml',
    })
    assert.match(yaml.body, /^apiVersion: v1\nkind: ConfigMap\n/)
  })

  test('an hour-old Pod on a node is given its grace period; one without a node goes at once', async () => {
    const pods = '/api/v1/namespaces/default/pods'
    const pod = (name: string, nodeName?: string) => ({
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'i' }], ...(nodeName ? { nodeName } : {}) },
    })
    await call('POST', pods, pod('free'))
    assert.equal((await call('DELETE', `${pods}/free`)).body.kind, 'Pod')
    assert.equal((await call('GET', `${pods}/free`)).status, 404)
    await call('POST', pods, pod('bound', 'node'))
    const { body } = await call('DELETE', `${pods}/bound`, { gracePeriodSeconds: 7 })
    assert.equal(body.metadata.deletionGracePeriodSeconds, 7)
    assert.equal((await call('GET', `${pods}/bound`)).status, 200)
    await call('DELETE', `${pods}/bound`, { gracePeriodSeconds: 0 })
    assert.equal((await call('GET', `${pods}/bound`)).status, 404)
  })

  test('a collection is deleted by selector', async () => {
    for (const [name, color] of [
      ['red1', 'red'],
      ['red2', 'red'],
      ['blue', 'blue'],
    ]) {
      await call('POST', CMS, { metadata: { name, labels: { color } } })
    }
    const { body } = await call('DELETE', `${CMS}?labelSelector=color%3Dred`)
    assert.equal(body.kind, 'ConfigMapList')
    assert.deepEqual(
      (await call('GET', `${CMS}?labelSelector=color`)).body.items.map(
        (item: { metadata: { name: string } }) => item.metadata.name,
      ),
      ['blue'],
    )
  })
})

describe('lists', () => {
  const names = (answer: Answer) => answer.body.items.map((item: { metadata: { name: string } }) => item.metadata.name)

  test('pages are one snapshot', async () => {
    const path = '/api/v1/namespaces/kube-public/configmaps'
    for (const name of ['a', 'b', 'c', 'd']) await call('POST', path, { metadata: { name } })
    const first = await call('GET', `${path}?limit=2`)
    assert.deepEqual(names(first), ['a', 'b'])
    assert.equal(first.body.metadata.remainingItemCount, 3)
    await call('DELETE', `${path}/c`)
    await call('POST', path, { metadata: { name: 'aa' } })
    const rest = await call('GET', `${path}?limit=2&continue=${first.body.metadata.continue}`)
    assert.deepEqual(names(rest), ['c', 'd'], 'as it was when the list began')
    assert.equal(rest.body.metadata.resourceVersion, first.body.metadata.resourceVersion)
    assert.equal((await call('GET', `${path}?continue=nonsense`)).status, 400)
    const old = Buffer.from(JSON.stringify({ rv: 1, after: 'kube-public\0a' })).toString('base64url')
    const expired = await call('GET', `${path}?continue=${old}`)
    assert.deepEqual([expired.status, expired.body.reason], [410, 'Expired'])
    assert.deepEqual(names(await call('GET', `${path}?continue=${expired.body.metadata.continue}`)), [
      'aa',
      'b',
      'd',
      'kube-root-ca.crt',
    ])
  })

  test('versions that cannot be had', async () => {
    const future = await call('GET', `${CMS}?resourceVersion=999999`)
    assert.deepEqual([future.status, future.body.details.causes[0].reason], [504, 'ResourceVersionTooLarge'])
    assert.equal(future.headers['retry-after'], '1')
    assert.equal((await call('GET', `${CMS}?resourceVersionMatch=Exact`)).status, 422)
    assert.equal((await call('GET', `${CMS}?resourceVersion=x`)).status, 400)
    assert.equal((await call('GET', `${CMS}?limit=-1`)).status, 400)
    assert.equal((await call('GET', `${CMS}?resourceVersion=0`)).status, 200)
  })

  test('as a table, as metadata only', async () => {
    const table = await call('GET', `${CMS}?includeObject=None`, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    })
    assert.equal(table.body.kind, 'Table')
    assert.equal(table.body.rows[0].object, null)
    assert.deepEqual(
      table.body.columnDefinitions.map((c: { name: string }) => c.name),
      ['Name', 'Data', 'Age'],
    )
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
    const { body } = await call('GET', CMS, undefined, { accept })
    assert.equal(body.kind, 'PartialObjectMetadataList')
    assert.deepEqual(Object.keys(body.items[0]), ['kind', 'apiVersion', 'metadata'])
  })
})

describe('discovery and OpenAPI', () => {
  test('legacy and aggregated documents name the same resources', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
    const { body, headers } = await call('GET', '/apis', undefined, { accept })
    assert.equal(headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')
    const { body: groups } = await call('GET', '/apis')
    assert.deepEqual(
      body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      groups.groups.map((g: { name: string }) => g.name),
    )
    const apps = body.items.find((item: { metadata: { name: string } }) => item.metadata.name === 'apps')
    const legacy = (await call('GET', '/apis/apps/v1')).body.resources.map((r: { name: string }) => r.name)
    assert.deepEqual(legacy, [
      'deployments',
      'deployments/status',
      'deployments/scale',
      'replicasets',
      'replicasets/status',
      'replicasets/scale',
    ])
    assert.deepEqual(
      apps.versions[0].resources.map((r: { resource: string }) => r.resource),
      ['deployments', 'replicasets'],
    )
    assert.deepEqual((await call('GET', '/api')).body.versions, ['v1'])
    assert.equal((await call('GET', '/apis/apps')).body.preferredVersion.groupVersion, 'apps/v1')
  })

  test('OpenAPI documents can be kept for ever under their hash', async () => {
    const { body } = await call('GET', '/openapi/v3')
    const url = body.paths['apis/apps/v1'].serverRelativeURL
    const { body: document, headers } = await call('GET', url)
    assert.equal(headers['cache-control'], 'public, immutable')
    assert.ok(headers['expires'])
    const { patch } = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']
    assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' })
    assert.ok(patch.parameters.some((p: { name: string }) => p.name === 'fieldValidation'))
    assert.ok('application/strategic-merge-patch+json' in patch.requestBody.content)
    assert.equal((await call('GET', '/openapi/v3/apis/none/v1')).status, 404)
  })
})
