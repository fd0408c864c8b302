/** Watching, waiting, deleting, owners and finalizers, selectors and pages, as kubectl shows them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cluster, type Kubectl, NEWEST, startCluster, succeeding } from './cluster.ts'

const configMap = (name: string, more = '') =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}${more}}, data: {n: "1"}}`

describe('the life of objects', { skip: NEWEST.skip }, () => {
  let cluster: Cluster
  let kubectl: Kubectl
  const ok = succeeding(() => kubectl)
  before(async () => {
    cluster = await startCluster()
    kubectl = cluster.kubectl(NEWEST.path)
  })
  after(() => cluster.close())

  test('get --watch shows every change, a selector makes objects come and go', async () => {
    const args = [
      `--kubeconfig=${join(cluster.dir, 'kubeconfig')}`,
      'get',
      'cm',
      '-l',
      'seen=yes',
      '-w',
      '--output-watch-events',
    ]
    const child = spawn(NEWEST.path, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    const until = async (pattern: RegExp) => {
      for (let i = 0; !pattern.test(text); i++) {
        assert.ok(i < 500, `no ${pattern} in ${text}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    try {
      // Created in a loop until the watch has begun: there is no other sign of it.
      await ok('create -f -', configMap('watched', ', labels: {seen: "yes"}'))
      await until(/ADDED +watched/)
      await ok('annotate cm watched a=b')
      await until(/MODIFIED +watched/)
      await ok('label cm watched --overwrite seen=no')
      await until(/DELETED +watched/)
      await ok('label cm watched --overwrite seen=yes')
      await until(/DELETED[\s\S]*ADDED +watched/)
    } finally {
      child.kill()
    }
  })

  test('a finalizer holds an object until it is taken off', async () => {
    await ok('create -f -', configMap('held', ', finalizers: [example.com/hold]'))
    await ok('delete cm held --wait=false')
    assert.match(await ok('get cm held -o jsonpath={.metadata.deletionTimestamp}'), /^\d{4}-/)
    const added = await kubectl(
      `patch cm held --type=json -p '[{"op":"add","path":"/metadata/finalizers/-","value":"example.com/more"}]'`,
    )
    assert.match(added.stderr, /no new finalizers can be added if the object is being deleted/)
    await ok(`patch cm held --type=merge -p '{"metadata":{"finalizers":null}}'`)
    await ok('wait cm/held --for=delete --timeout=5s')
  })

  test('dependents go with their owner, are left behind, or go first', async () => {
    const owned = async (owner: string, name: string) => {
      const uid = await ok(`get cm ${owner} -o jsonpath={.metadata.uid}`)
      await ok(
        'create -f -',
        configMap(
          name,
          `, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: ${owner}, uid: ${uid}, blockOwnerDeletion: true}]`,
        ),
      )
    }
    for (const owner of ['background', 'orphan', 'foreground']) {
      await ok('create -f -', configMap(owner))
      await owned(owner, `of-${owner}`)
      await ok(`delete cm ${owner} --cascade=${owner} --timeout=5s`)
    }
    await ok('wait cm/of-background cm/of-foreground --for=delete --timeout=5s')
    assert.equal(await ok('get cm of-orphan -o jsonpath={.metadata.ownerReferences}'), '')
    await ok(
      'create -f -',
      configMap('lost', ', ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: gone, uid: no-such-uid}]'),
    )
    await ok('wait cm/lost --for=delete --timeout=5s')
  })

  test('long lists come in pages, and selectors choose', async () => {
    const many = Array.from({ length: 25 }, (_, i) =>
      configMap(`many-${String(i).padStart(2, '0')}`, `, labels: {half: "${i % 2}"}`),
    ).join('\n---\n')
    await ok('create namespace pages')
    await ok('apply -n pages -f -', many)
    const names = (await ok('get cm -n pages --chunk-size=4 -o name')).trim().split('\n')
    assert.equal(names.length, 26, 'and kube-root-ca.crt')
    assert.deepEqual(names, [...names].sort())
    assert.equal((await ok('get cm -n pages -l half=1 -o name')).trim().split('\n').length, 12)
    assert.equal((await ok("get cm -n pages -l 'half in (0,1),half!=1' -o name")).trim().split('\n').length, 13)
    assert.equal(await ok('get cm -n pages --field-selector=metadata.name=many-03 -o name'), 'configmap/many-03\n')
    assert.match(
      (await kubectl('get cm -n pages --field-selector=data.n=1')).stderr,
      /field label not supported: data\.n/,
    )
    assert.match(await ok('delete cm -n pages -l half=0'), /many-24" deleted/)
    assert.equal((await ok('get cm -n pages -l half -o name')).trim().split('\n').length, 12)
    await ok('delete cm -n pages --all')
  })

  test('events of both groups are the same events', async () => {
    await ok(
      'create -f -',
      `
apiVersion: v1
kind: Event
metadata: {name: e.1}
involvedObject: {kind: ConfigMap, name: held, namespace: default}
reason: Tested
message: it was tested
type: Normal
source: {component: test}
count: 2
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"`,
    )
    assert.match(await ok('get events'), /Normal +Tested +configmap\/held +it was tested/)
    assert.match(await ok('events'), /Normal +Tested +ConfigMap\/held +it was tested/)
    const other = JSON.parse(await ok('get events.v1.events.k8s.io e.1 -o json'))
    assert.equal(other.note, 'it was tested')
    assert.equal(other.regarding.name, 'held')
    assert.equal(await ok('get events --field-selector=involvedObject.name=held,reason=Tested -o name'), 'event/e.1\n')
  })

  test('generateName, replace --force, create twice', async () => {
    const made = await ok('create -f - -o name', '{apiVersion: v1, kind: ConfigMap, metadata: {generateName: gen-}}')
    assert.match(made, /^configmap\/gen-[bcdfghjklmnpqrstvwxz2456789]{5}\n$/)
    await ok('create -f -', configMap('twice'))
    assert.match((await kubectl('create -f -', configMap('twice'))).stderr, /configmaps "twice" already exists/)
    const uid = await ok('get cm twice -o jsonpath={.metadata.uid}')
    await ok('replace --force -f -', configMap('twice'))
    assert.notEqual(await ok('get cm twice -o jsonpath={.metadata.uid}'), uid)
  })

  test('what is wrong is said as Kubernetes says it', async () => {
    const cases: [string, RegExp][] = [
      [configMap('Upper'), /metadata\.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain must consist/],
      [configMap('x', ', namespace: nowhere'), /namespaces "nowhere" not found/],
      [
        '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: 1}}',
        /ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap\.data\.a of type string/,
      ],
      ['{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: []}}', /spec\.ports: Required value/],
      [
        '{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: x, image: nginx}]}}}}',
        /`selector` does not match template `labels`/,
      ],
      [
        '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: x}]}}',
        /spec\.containers\[0\]\.image: Required value/,
      ],
      ['{apiVersion: v1, kind: Nonsense, metadata: {name: p}}', /no matches for kind "Nonsense" in version "v1"/],
    ]
    for (const [object, message] of cases) assert.match((await kubectl('create -f -', object)).stderr, message)
  })
})
