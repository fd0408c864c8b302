/** The everyday commands, with every kubectl that is here: other versions talk differently (protobuf bodies, WatchList). */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Cluster, type Kubectl, startCluster, succeeding, VERSIONS } from './cluster.ts'

const EXTENSION = `
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata:
  name: basic-auth
  namespace: demo
  labels: {app: gateway}
spec:
  phase: AUTHN
  wasm:
    url: oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0
    pluginConfig:
      basic_auth_rules: [{prefix: /productpage, request_methods: [GET], credentials: [ok:test]}]
`

for (const [version, peer] of Object.entries(VERSIONS)) {
  describe(`kubectl ${version}`, { skip: peer.skip }, () => {
    let cluster: Cluster
    let kubectl: Kubectl
    before(async () => {
      cluster = await startCluster()
      kubectl = cluster.kubectl(peer.path)
    })
    after(() => cluster.close())

    const ok = succeeding(() => kubectl)

    test('version, api-resources, auth', async () => {
      assert.match(await ok('version'), /Server Version: v1\.33\.0/)
      assert.match(
        await ok('api-resources'),
        /trafficextensions +extensions\.istio\.io\/v1alpha1 +true +TrafficExtension/,
      )
      assert.equal((await ok('auth can-i create pods')).trim(), 'yes')
      assert.match(await ok('auth whoami'), /system:masters/)
      assert.match(await ok('cluster-info'), /is running at|cluster-info dump/)
    })

    test('create with typed bodies: namespace, configmap, secret, service account, deployment', async () => {
      assert.equal(await ok('create namespace demo'), 'namespace/demo created\n')
      await ok('create configmap c -n demo --from-literal=a=1 --from-literal=b=2')
      assert.equal(await ok('get configmap c -n demo -o jsonpath={.data}'), '{"a":"1","b":"2"}')
      await ok('create secret generic s -n demo --from-literal=password=hunter2')
      assert.equal(await ok('get secret s -n demo -o jsonpath={.data.password}'), 'aHVudGVyMg==')
      assert.match(await ok('get secret s -n demo'), /s +Opaque +1 +\d+s/)
      await ok('create serviceaccount robot -n demo')
      await ok('create deployment web -n demo --image=nginx:1 --replicas=2 --port=80')
      const container = JSON.parse(await ok('get deploy web -n demo -o jsonpath={.spec.template.spec.containers[0]}'))
      assert.deepEqual(container.ports, [{ containerPort: 80, protocol: 'TCP' }], 'no zero values of the wire format')
      assert.match(await ok('get deploy web -n demo'), /web +0\/2 +0 +0 +\d+s/)
      await ok('create service clusterip web -n demo --tcp=80:8080')
      assert.match(await ok('get service web -n demo'), /web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/)
    })

    test('apply a custom resource: created, unchanged, configured; get, describe, edit, delete', async () => {
      const name = 'trafficextension.extensions.istio.io/basic-auth'
      assert.equal(await ok('apply -f -', EXTENSION), `${name} created\n`)
      assert.equal(await ok('apply -f -', EXTENSION), `${name} unchanged\n`)
      assert.equal(await ok('apply -f -', EXTENSION.replace('AUTHN', 'AUTHZ')), `${name} configured\n`)
      assert.match(await ok('get trafficextension -n demo'), /^NAME +AGE\nbasic-auth +\d+s\n$/)
      assert.match(await ok('get trafficextension -n demo -o wide'), /^NAME +READY +REASON +DIGEST +AGE/)
      assert.match(await ok('get istio-io -A'), /demo +trafficextension\.extensions\.istio\.io\/basic-auth/)
      assert.equal(
        await ok('get trafficextension basic-auth -n demo -o jsonpath={.spec.phase}:{.metadata.generation}'),
        'AUTHZ:2',
      )
      assert.match(await ok('describe trafficextension basic-auth -n demo'), /Phase: +AUTHZ[\s\S]*Events: +<none>/)
      assert.match(await ok('label trafficextension basic-auth -n demo tier=edge'), /labeled/)
      assert.match(await ok('get trafficextension -n demo -l tier=edge,app!=x --show-labels'), /app=gateway,tier=edge/)
      assert.match(await ok('annotate trafficextension basic-auth -n demo note=yes'), /annotated/)
      assert.match(
        await ok('edit trafficextension basic-auth -n demo', undefined, { EDITOR: 'sed -i s/AUTHZ/STATS/' }),
        /edited/,
      )
      assert.equal(await ok('get trafficextension basic-auth -n demo -o jsonpath={.spec.phase}'), 'STATS')
      const patch = `'{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Ok","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}'`
      await ok(`patch trafficextension basic-auth -n demo --type=merge --subresource=status -p ${patch}`)
      assert.match(
        await ok('wait trafficextension basic-auth -n demo --for=condition=Ready --timeout=5s'),
        /condition met/,
      )
      assert.match(await ok('get trafficextension -n demo -o wide'), /basic-auth +True +Ok/)
      assert.match(await ok('explain trafficextension.spec.phase'), /AUTHN/)
      assert.match(await ok('delete trafficextension basic-auth -n demo'), /"basic-auth" deleted/)
      assert.match(
        (await kubectl('get trafficextension basic-auth -n demo')).stderr,
        /trafficextensions.extensions.istio.io "basic-auth" not found/,
      )
    })

    test('scale, set, rollout, patch, replace of a Deployment', async () => {
      await ok('scale deployment web -n demo --replicas=3')
      await ok('set image deployment/web -n demo nginx=nginx:2')
      await ok('set env deployment/web -n demo A=1')
      await ok('rollout restart deployment/web -n demo')
      await ok(
        `patch deployment web -n demo -p '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"B","value":"2"}]}]}}}}'`,
      )
      const { replicas, template } = JSON.parse(await ok('get deployment web -n demo -o jsonpath={.spec}'))
      assert.equal(replicas, 3)
      assert.equal(template.spec.containers[0].image, 'nginx:2')
      assert.deepEqual(template.spec.containers[0].env.map((e: { name: string }) => e.name).sort(), ['A', 'B'])
      const yaml = await ok('get deployment web -n demo -o yaml')
      assert.match(await ok('replace -f -', yaml.replace('replicas: 3', 'replicas: 1')), /replaced/)
      const stale = await kubectl('replace -f -', yaml)
      assert.match(
        stale.stderr,
        /the object has been modified; please apply your changes to the latest version and try again/,
      )
      const done = `'{"status":{"observedGeneration":99,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1}}'`
      await ok(`patch deployment web -n demo --subresource=status --type=merge -p ${done}`)
      assert.match(await ok('rollout status deployment/web -n demo --timeout=5s'), /successfully rolled out/)
    })

    test('a namespace takes its contents with it', async () => {
      assert.match(await ok('delete namespace demo --timeout=20s'), /deleted/)
      assert.equal(await ok('get configmaps,secrets,deployments,services -n demo -o name'), '')
      assert.match((await kubectl('delete namespace default')).stderr, /this namespace may not be deleted/)
    })
  })
}
