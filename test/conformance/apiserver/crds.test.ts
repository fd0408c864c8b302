/** The tables of src/resources, put to a real kube-apiserver that has our definitions: it must accept and say the same. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case } from '../../../src/resources/testing/cases.ts'
import { NAME_CASES, STRUCTURAL_CASES } from '../../../src/resources/testing/crd-cases.ts'
import { deployedCrds, deployedSchemas } from '../../../src/resources/testing/crd-files.ts'
import { TRAFFIC_EXTENSION_CASES, WASM_PLUGIN_CASES } from '../../../src/resources/testing/extension-cases.ts'
import { GATEWAY_CASES } from '../../../src/resources/testing/gateway-cases.ts'
import { HTTP_ROUTE_CASES } from '../../../src/resources/testing/http-route-cases.ts'
import { NETWORKING_CASES } from '../../../src/resources/testing/networking-cases.ts'
import { SIGNATURE_POLICY_CASES } from '../../../src/resources/testing/signature-policy-cases.ts'
import { etcd, kubeApiserver } from '../../peers/kube-apiserver.ts'
import { type Answer, type RealApiServer, startRealApiServer } from './real.ts'

const TABLES = {
  WASM_PLUGIN_CASES,
  TRAFFIC_EXTENSION_CASES,
  GATEWAY_CASES,
  HTTP_ROUTE_CASES,
  NETWORKING_CASES,
  SIGNATURE_POLICY_CASES,
}
const CRD_FILES = deployedCrds()
const schemas = deployedSchemas()
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const url = 'http://test'
const PRUNED: readonly [name: string, spec: object, unknown: string[]][] = [
  ['nothing to do', { url }, []],
  ['an unknown field', { url, phaze: 'AUTHN' }, ['spec.phaze']],
  [
    'unknown fields in lists and maps',
    { url, match: [{ ports: [{ number: 1, x: 1 }] }], vmConfig: { y: {} } },
    ['spec.match[0].ports[0].x', 'spec.vmConfig.y'],
  ],
  ['everything in an open object stays', { url, pluginConfig: { a: { b: [1, null, { c: null }] }, n: null } }, []],
  [
    'nulls go unless the field is nullable',
    { url, sha256: null, match: null, priority: null, vmConfig: { env: null } },
    [],
  ],
]

const server = await kubeApiserver()

describe('a real kube-apiserver', { skip: server.skip }, () => {
  let real: RealApiServer

  before(async () => {
    real = await startRealApiServer(server.path, (await etcd()).path)
  })
  after(() => real?.stop())

  for (const crd of CRD_FILES) {
    test(`takes ${crd.metadata.name}`, async () => {
      const created = await real.call('POST', `${CRDS}?fieldValidation=Strict`, crd)
      assert.equal(created.code, 201, JSON.stringify(created.body))
      let states: string[] = []
      for (let tries = 0; !states.includes('Established=True'); tries++) {
        assert.ok(tries < 200, `never established: ${states}`)
        await sleep(50)
        const { conditions } = (await real.call('GET', `${CRDS}/${crd.metadata.name}`)).body.status
        states = (conditions ?? []).map(({ type, status }: { type: string; status: string }) => `${type}=${status}`)
      }
      assert.ok(!states.includes('NonStructuralSchema=True'), String(states))
      for (const { name } of crd.spec.versions) {
        const path = `/apis/${crd.spec.group}/${name}/${crd.spec.names.plural}`
        for (let tries = 0; (await real.call('GET', path)).code !== 200; tries++) {
          assert.ok(tries < 200, `${path} is never served`)
          await sleep(50)
        }
      }
    })
  }

  describe('definitions, by whether they are taken', () => {
    for (const [name, spec, ...says] of [...NAME_CASES, ...STRUCTURAL_CASES]) {
      // A definition without a group has no name either; a webhook has no address here.
      if (spec?.group === undefined || spec.conversion !== undefined) continue
      test(name, async () => {
        const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', spec }
        const metadata = { name: `${spec.names.plural}.${spec.group}` }
        const answer = await real.call('POST', `${CRDS}?dryRun=All`, { ...definition, metadata })
        assert.equal(answer.code, says.length === 0 ? 201 : 422, JSON.stringify(answer.body))
      })
    }
  })

  describe('pruning and nulls', () => {
    for (const [name, spec, unknown] of PRUNED) {
      test(name, async () => {
        const one = { name, apiVersion: 'extensions.istio.io/v1alpha1', kind: 'WasmPlugin', spec, says: [] }
        const answer = await put(real, one)
        const object = structuredClone({ spec })
        assert.deepEqual(schemas.get(`${one.apiVersion}/${one.kind}`)!.prune(object), unknown)
        const strict = unknown.map((field) => `unknown field ${JSON.stringify(field)}`).join(', ')
        if (strict !== '') assert.match(answer.body.message, new RegExp(`strict decoding error: ${literally(strict)}$`))
        const ignored = await put(real, one, 'Ignore')
        assert.deepEqual(ignored.body.spec, defaulted(one))
      })
    }
  })

  for (const [name, cases] of Object.entries(TABLES)) {
    describe(name.replaceAll('_', ' ').toLowerCase(), () => {
      for (const one of cases) {
        test(`${one.kind}: ${one.name}`, async () => {
          const answer = await put(real, one)
          assert.deepEqual(said(answer), [...one.says].sort())
          if (answer.code < 300) assert.deepEqual(answer.body.spec, defaulted(one))
        })
      }
    })
  }
})

/** What our own engine makes of it. */
function defaulted(one: Case): unknown {
  const object = structuredClone({ spec: one.spec })
  const schema = schemas.get(`${one.apiVersion}/${one.kind}`)!
  schema.prune(object)
  schema.applyDefaults(object)
  return object.spec
}

function literally(text: string): string {
  return text.replace(/[.[\]]/g, '\\$&')
}

let count = 0

/** A dry run: the create of the object, or its update where the case has an old one. */
async function put(real: RealApiServer, one: Case, fieldValidation = 'Strict'): Promise<Answer> {
  const { plural, scope } = placeOf(one)
  const all = `/apis/${one.apiVersion}/${scope === 'Cluster' ? '' : 'namespaces/default/'}${plural}`
  const object = { apiVersion: one.apiVersion, kind: one.kind, metadata: { name: `x${count++}` }, spec: one.spec }
  if (one.old === undefined) return real.call('POST', `${all}?dryRun=All&fieldValidation=${fieldValidation}`, object)
  const stored = await real.call('POST', all, { ...object, spec: one.old })
  assert.equal(stored.code, 201, JSON.stringify(stored.body))
  const { resourceVersion } = stored.body.metadata
  const update = { ...object, metadata: { ...object.metadata, resourceVersion } }
  return real.call('PUT', `${all}/${object.metadata.name}?dryRun=All&fieldValidation=Strict`, update)
}

function placeOf(one: Case): { plural: string; scope: string } {
  const { spec } = CRD_FILES.find(
    (crd) => one.apiVersion.startsWith(`${crd.spec.group}/`) && crd.spec.names.kind === one.kind,
  )!
  return { plural: spec.names.plural, scope: spec.scope }
}

function said({ code, body }: Answer): string[] {
  if (code < 300) return []
  assert.equal(code, 422, JSON.stringify(body))
  return body.details.causes
    .map(({ field, message }: { field: string; message: string }) => `${field}: ${message}`)
    .sort()
}
