/** Helm 4 against the API server: server-side apply, release Secrets in protobuf, waiting with WatchList. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { helm as helmPeer } from '../peers/index.ts'
import { type Cluster, type Kubectl, NEWEST, startCluster, succeeding } from './cluster.ts'

const helm = await helmPeer()

const TEMPLATES = `
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-config"}
data: {phase: {{ .Values.phase }}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: auth}
spec: {phase: {{ .Values.phase }}, wasm: {url: "oci://x/y:1"}}
`

describe('Helm', { skip: helm.skip || NEWEST.skip }, () => {
  let cluster: Cluster
  let kubectl: Kubectl
  const ok = succeeding(() => kubectl)
  const run = async (...args: string[]): Promise<string> => {
    const env = { KUBECONFIG: join(cluster.dir, 'kubeconfig'), HOME: cluster.dir, PATH: process.env['PATH'] }
    return (await promisify(execFile)(helm.path, args, { env, timeout: 60_000 })).stdout
  }

  before(async () => {
    cluster = await startCluster()
    kubectl = cluster.kubectl(NEWEST.path)
    mkdirSync(join(cluster.dir, 'chart/templates'), { recursive: true })
    writeFileSync(join(cluster.dir, 'chart/Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\n')
    writeFileSync(join(cluster.dir, 'chart/values.yaml'), 'phase: AUTHN\n')
    writeFileSync(join(cluster.dir, 'chart/templates/all.yaml'), TEMPLATES)
  })
  after(() => cluster.close())

  test('install, upgrade, roll back, uninstall, each waiting for its objects', async () => {
    const chart = join(cluster.dir, 'chart')
    const wait = ['--wait', '--timeout', '30s']
    const phase = () => ok('get trafficextension auth -o jsonpath={.spec.phase}')
    assert.match(await run('install', 'r', chart, ...wait), /STATUS: deployed/)
    assert.equal(await phase(), 'AUTHN')
    await run('upgrade', 'r', chart, '--set', 'phase=STATS', ...wait)
    assert.equal(await phase(), 'STATS')
    await run('rollback', 'r', '1', ...wait)
    assert.equal(await phase(), 'AUTHN')
    assert.equal(JSON.parse(await run('history', 'r', '--output=json')).length, 3)
    await run('uninstall', 'r', ...wait)
    assert.equal(await ok('get trafficextensions,services,secrets -o name'), '')
  })
})
