import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { validateCrd } from './crd.ts'
import type { StructuralSchema } from './schema/index.ts'
import { fieldSchema, type SchemaNode } from './schema/types.ts'
import type { Case } from './testing/cases.ts'
import { deployedCrds, deployedSchemas } from './testing/crd-files.ts'
import { TRAFFIC_EXTENSION_CASES, WASM_PLUGIN_CASES } from './testing/extension-cases.ts'
import { GATEWAY_CASES } from './testing/gateway-cases.ts'
import { HTTP_ROUTE_CASES } from './testing/http-route-cases.ts'
import { NETWORKING_CASES } from './testing/networking-cases.ts'
import { SIGNATURE_POLICY_CASES } from './testing/signature-policy-cases.ts'

const CASES: readonly Case[] = [
  ...WASM_PLUGIN_CASES,
  ...TRAFFIC_EXTENSION_CASES,
  ...GATEWAY_CASES,
  ...HTTP_ROUTE_CASES,
  ...NETWORKING_CASES,
  ...SIGNATURE_POLICY_CASES,
]

const schemas = deployedSchemas()

function prepared(one: Case, spec: unknown, schema: StructuralSchema): object {
  const object = { apiVersion: one.apiVersion, kind: one.kind, metadata: { name: 'x' }, spec: structuredClone(spec) }
  assert.deepEqual(schema.prune(object), [], 'unknown fields')
  schema.applyDefaults(object)
  return object
}

describe('the deployed definitions', () => {
  for (const { metadata, spec } of deployedCrds()) {
    test(`${metadata.name} would be taken by a cluster`, () => assert.deepEqual(validateCrd(metadata, spec), []))
  }
})

for (const kind of new Set(CASES.map((one) => `${one.apiVersion} ${one.kind}`))) {
  describe(kind, () => {
    for (const one of CASES.filter(({ apiVersion, kind: k }) => `${apiVersion} ${k}` === kind)) {
      test(one.name, () => {
        const schema = schemas.get(`${one.apiVersion}/${one.kind}`)!
        const old = one.old === undefined ? undefined : prepared(one, one.old, schema)
        const errors = schema.validate(prepared(one, one.spec, schema), old)
        assert.deepEqual(errors.map(({ field, message }) => `${field}: ${message}`).sort(), [...one.says].sort())
      })
    }
  })
}

test('each rule of the deployed definitions has a case that it refuses and one that it lets pass', () => {
  const missing: string[] = []
  for (const { spec } of deployedCrds()) {
    const { kind } = spec.names
    // The other versions carry the same schema.
    const [version] = spec.versions
    const apiVersion = `${spec.group}/${version.name}`
    const cases = CASES.filter((one) => one.apiVersion === apiVersion && one.kind === kind)
    const passed = new Set<string>()
    for (const one of cases.filter(({ says }) => says.length === 0)) {
      const schema = schemas.get(`${apiVersion}/${kind}`)!
      rulesMet(prepared(one, one.spec, schema), schema.openapi, '', passed)
    }
    for (const [path, message] of rulesOf(version.schema!.openAPIV3Schema as SchemaNode, '')) {
      if (!cases.some(({ says }) => says.some((said) => said.endsWith(`: ${message}`)))) {
        missing.push(`${kind}${path}: never refused: ${message}`)
      }
      if (!passed.has(`${path} ${message}`)) missing.push(`${kind}${path}: never passed: ${message}`)
    }
  }
  assert.deepEqual(missing, [])
})

function rulesOf(schema: SchemaNode, path: string): [string, string][] {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule): [string, string] => [path, rule.message ?? ''])
  for (const [field, node] of Object.entries(schema.properties ?? {})) rules.push(...rulesOf(node, `${path}.${field}`))
  if (schema.items !== undefined) rules.push(...rulesOf(schema.items, `${path}[]`))
  if (typeof schema.additionalProperties === 'object') rules.push(...rulesOf(schema.additionalProperties, `${path}{}`))
  return rules
}

function rulesMet(value: unknown, schema: SchemaNode, path: string, met: Set<string>): void {
  if (value === undefined || value === null) return
  for (const rule of schema['x-kubernetes-validations'] ?? []) met.add(`${path} ${rule.message}`)
  if (Array.isArray(value)) for (const item of value) rulesMet(item, schema.items ?? {}, `${path}[]`, met)
  else if (typeof value === 'object') {
    for (const [field, inner] of Object.entries(value)) {
      const node = fieldSchema(schema, field)
      const there = schema.properties !== undefined ? `${path}.${field}` : `${path}{}`
      if (node !== undefined) rulesMet(inner, node, there, met)
    }
  }
}
