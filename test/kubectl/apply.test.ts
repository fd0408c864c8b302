/** The finer points of apply: diff, server-side apply and its conflicts, going over from one to the other, strict fields. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Cluster, type Kubectl, NEWEST, startCluster, succeeding } from './cluster.ts'

const deployment = (image: string, extra = '') => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: a
        image: ${image}
        ports: [{containerPort: 80}]
${extra}`

const sidecar = `      - name: b
        image: sidecar:1
`

describe('kubectl apply', { skip: NEWEST.skip }, () => {
  let cluster: Cluster
  let kubectl: Kubectl
  const ok = succeeding(() => kubectl)
  before(async () => {
    cluster = await startCluster()
    kubectl = cluster.kubectl(NEWEST.path)
  })
  after(() => cluster.close())

  test('a client-side apply removes what the file no longer has, and keeps what others added', async () => {
    await ok('apply -f -', deployment('nginx:1', sidecar))
    await ok('label deployment web by=other')
    await ok('apply -f -', deployment('nginx:1'))
    assert.equal(await ok('get deploy web -o jsonpath={.spec.template.spec.containers[*].name}'), 'a')
    assert.equal(await ok('get deploy web -o jsonpath={.metadata.labels.by}'), 'other')
  })

  test('diff shows the change and stores nothing', async () => {
    const before = await ok('get deploy web -o jsonpath={.metadata.resourceVersion}')
    const { code, stdout } = await kubectl('diff -f -', deployment('nginx:2'))
    assert.equal(code, 1)
    assert.match(stdout, /-\s+- image: nginx:1\n\+\s+- image: nginx:2/)
    assert.match(await ok('apply --dry-run=server -f -', deployment('nginx:2')), /configured \(server dry run\)/)
    assert.equal(await ok('get deploy web -o jsonpath={.metadata.resourceVersion}'), before)
    assert.equal((await kubectl('diff -f -', deployment('nginx:1'))).code, 0)
    assert.equal((await kubectl('diff --server-side -f -', deployment('nginx:1'))).stderr, '')
  })

  test('kubectl takes its own fields over when it changes to server-side apply', async () => {
    assert.match(await ok('apply --server-side -f -', deployment('nginx:3')), /serverside-applied/)
    const managers = JSON.parse(await ok('get deploy web -o jsonpath={.metadata.managedFields} --show-managed-fields'))
    const names = managers.map((m: { manager: string; operation: string }) => `${m.manager} ${m.operation}`)
    assert.ok(names.includes('kubectl Apply'), String(names))
    assert.ok(!names.includes('kubectl-client-side-apply Update'), String(names))
  })

  test('another manager conflicts, may force, and then owns the field', async () => {
    const refused = await kubectl('apply --server-side --field-manager=other -f -', deployment('nginx:4'))
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /Apply failed with 1 conflict: conflict with "kubectl": \.spec\.template\.spec\.containers\[name="a"\]\.image/,
    )
    await ok('apply --server-side --field-manager=other --force-conflicts -f -', deployment('nginx:4'))
    const back = await kubectl('apply --server-side -f -', deployment('nginx:3'))
    assert.match(back.stderr, /conflict with "other": \.spec\.template/)
    // The same value is shared, not fought over.
    await ok('apply --server-side -f -', deployment('nginx:4'))
  })

  test('a field that its only manager no longer applies goes; one that another applies stays', async () => {
    const config = (data: string) => `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {${data}}}`
    await ok('apply --server-side --field-manager=one -f -', config('a: "1", shared: x'))
    await ok('apply --server-side --field-manager=two -f -', config('b: "2", shared: x'))
    assert.equal(await ok('get cm c -o jsonpath={.data}'), '{"a":"1","b":"2","shared":"x"}')
    await ok('apply --server-side --field-manager=one -f -', config(''))
    assert.equal(await ok('get cm c -o jsonpath={.data}'), '{"b":"2","shared":"x"}')
    const version = await ok('get cm c -o jsonpath={.metadata.resourceVersion}')
    await ok('apply --server-side --field-manager=one -f -', config(''))
    assert.equal(await ok('get cm c -o jsonpath={.metadata.resourceVersion}'), version, 'no change, no write')
  })

  test('list items of other managers stay where they are', async () => {
    const service = (ports: string) =>
      `{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}, ports: [${ports}]}}`
    await ok('apply --server-side --field-manager=one -f -', service('{name: http, port: 80}'))
    await ok('apply --server-side --field-manager=two -f -', service('{name: https, port: 443}'))
    assert.equal(await ok('get service s -o jsonpath={.spec.ports[*].port}'), '80 443')
    await ok('apply --server-side --field-manager=one -f -', service('{name: http, port: 80, targetPort: 8080}'))
    assert.equal(await ok('get service s -o jsonpath={.spec.ports[*].targetPort}'), '8080 443')
  })

  test('unknown and duplicate fields: refused, warned about, or passed over', async () => {
    const object = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strict"},"data":{"a":"1"},"dta":{}}`
    const refused = await kubectl('apply -f -', object)
    assert.match(refused.stderr, /strict decoding error: unknown field "dta"/)
    const warned = await kubectl('apply --validate=warn -f -', object)
    assert.match(warned.stderr, /Warning: unknown field "dta"/)
    assert.equal(warned.code, 0)
    assert.equal((await kubectl('apply --validate=ignore -f -', object)).stderr, '')
    const extension = `
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: x}
spec: {phaze: AUTHN, wasm: {url: "oci://x/y:1"}}`
    assert.match((await kubectl('apply -f -', extension)).stderr, /strict decoding error: unknown field "spec.phaze"/)
  })

  test('a CRD is served as soon as it is applied, and gone with its objects when it is deleted', async () => {
    const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, default: 3, maximum: 9}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
            x-kubernetes-validations: [{rule: "self.size != 7", message: seven is taken}]
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}`
    await ok('apply -f -', crd)
    await ok('wait --for=condition=Established crd/widgets.example.com --timeout=5s')
    const widget = (spec: string) => `{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {${spec}}}`
    await ok('apply --server-side -f -', widget('tags: [a]'))
    assert.match(await ok('get wd'), /^NAME +SIZE\nw +3\n$/)
    await ok('apply --server-side --field-manager=two -f -', widget('tags: [b]'))
    assert.equal(await ok('get wd w -o jsonpath={.spec.tags}'), '["a","b"]')
    await ok('scale widget w --replicas=5')
    assert.equal(await ok('get wd w -o jsonpath={.spec.size}'), '5')
    assert.match(
      (await kubectl('apply -f -', widget('size: 7'))).stderr,
      /The Widget "w" is invalid: spec: Invalid value: .*seven is taken/,
    )
    assert.match(
      (await kubectl('apply -f -', widget('size: 10'))).stderr,
      /spec\.size in body should be less than or equal to 9/,
    )
    assert.match(
      (await kubectl(`patch wd w --type=strategic -p '{"spec":{"size":1}}'`)).stderr,
      /the body of the request was in an unknown format/,
    )
    await ok('delete crd widgets.example.com --timeout=10s')
    assert.match((await kubectl('get widgets.example.com')).stderr, /the server doesn't have a resource type "widgets"/)
  })
})
