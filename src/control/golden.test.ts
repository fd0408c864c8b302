/** Whole translations: objects as users write them, and the configuration that a gateway gets. SLUICE_UPDATE_GOLDEN=1 writes them anew. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '@bufbuild/protobuf'
import { anyToJson, PUSH_ORDER, shortType } from '../xds/index.ts'
import { Packer } from './envoy/config.ts'
import { generate } from './generate.ts'
import { meshOf } from './model/mesh.ts'
import type { Workload } from './model/workload.ts'
import { objectsOf, workload } from './testing.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const here = fileURLToPath(new URL('./testdata/', import.meta.url))

const ingress = workload({ labels: { app: 'istio-ingressgateway', istio: 'ingressgateway' } })
const deployed = workload({
  namespace: 'default',
  labels: { 'gateway.networking.k8s.io/gateway-name': 'bookinfo-gateway' },
})

interface Golden {
  name: string
  files: string[]
  proxy: Workload
  /** Clusters and endpoints whose name holds this are shown; the others look the same. */
  cluster: string
}

const BOOKINFO = ['samples/bookinfo/bookinfo.yaml', 'deploy/standalone/ingressgateway.yaml']
const CASES: Golden[] = [
  {
    name: 'bookinfo-istio',
    files: [...BOOKINFO, 'samples/bookinfo/bookinfo-gateway.yaml', 'src/control/testdata/extensions.yaml'],
    proxy: ingress,
    cluster: '|productpage.',
  },
  {
    name: 'bookinfo-gateway-api',
    files: [...BOOKINFO, 'samples/bookinfo/gateway-api.yaml', 'src/control/testdata/extensions.yaml'],
    proxy: deployed,
    cluster: '|productpage.',
  },
  { name: 'virtual-service', files: ['src/control/testdata/virtual-service.yaml'], proxy: ingress, cluster: '|app.' },
  { name: 'http-route', files: ['src/control/testdata/http-route.yaml'], proxy: deployed, cluster: '|app.' },
  { name: 'envoy-filter', files: ['src/control/testdata/envoy-filter.yaml'], proxy: ingress, cluster: '|app.' },
]

for (const { name, files, proxy, cluster } of CASES) {
  test(`golden: ${name}`, () => {
    const objects = files.flatMap((file) => objectsOf(readFileSync(root + file, 'utf8')))
    const { resources, problems } = generate(meshOf(objects), proxy, new Packer())
    const shown: Record<string, JsonObject[]> = {}
    for (const typeUrl of PUSH_ORDER) {
      const named = resources[typeUrl] ?? []
      const type = shortType(typeUrl)
      const some = [...named].filter(([key]) => (type !== 'cds' && type !== 'eds') || key.includes(cluster))
      shown[type] = some.map(([, any]) => anyToJson(any))
    }
    const text = `${JSON.stringify({ ...shown, problems }, undefined, 2)}\n`
    const file = `${here}${name}.json`
    if (process.env['SLUICE_UPDATE_GOLDEN'] === '1') writeFileSync(file, text)
    assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(file, 'utf8')))
  })
}
