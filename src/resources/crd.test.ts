import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CrdSpec, defaultCrd, validateCrd } from './crd.ts'
import { crd, NAME_CASES, STRUCTURAL_CASES } from './testing/crd-cases.ts'

function say(
  spec: CrdSpec,
  metadata: object = { name: `${spec?.names?.plural}.${spec?.group}` },
  old?: CrdSpec,
): string[] {
  return validateCrd(metadata, spec, old).map(({ field, message }) => `${field}: ${message}`)
}

test('singular, listKind and conversion are filled in', () => {
  const spec = crd()
  defaultCrd(spec)
  assert.deepEqual(
    [spec.names.singular, spec.names.listKind, spec.conversion],
    ['widget', 'WidgetList', { strategy: 'None' }],
  )
})

describe('names and versions', () => {
  for (const [name, spec, ...says] of NAME_CASES) {
    test(name, () => {
      const said = say(spec)
      assert.equal(said.length, says.length, String(said))
      says.forEach((expected, i) => {
        if (typeof expected === 'string') assert.equal(said[i], expected)
        else assert.match(said[i], expected)
      })
    })
  }

  test('the name is plural.group', () => {
    assert.deepEqual(say(crd(), { name: 'w' }), [
      'metadata.name: Invalid value: "w": must be spec.names.plural+"."+spec.group',
    ])
  })

  test('scope and kind stay', () => {
    const changed = crd((spec) => {
      spec.scope = 'Cluster'
      spec.names.kind = 'Other'
    })
    assert.deepEqual(say(changed, undefined, crd()), [
      'spec.names.kind: Invalid value: "Other": field is immutable',
      'spec.scope: Invalid value: "Cluster": field is immutable',
    ])
  })

  test('groups of the Kubernetes project need an approval', () => {
    const spec = crd((one) => {
      one.group = 'x.k8s.io'
    })
    const name = 'widgets.x.k8s.io'
    const field = 'metadata.annotations[api-approved.kubernetes.io]'
    const told = (approval?: string) =>
      say(spec, {
        name,
        ...(approval === undefined ? {} : { annotations: { 'api-approved.kubernetes.io': approval } }),
      })
    assert.deepEqual(told(), [`${field}: Required value: protected groups must have approval annotation`])
    assert.deepEqual(told('https://github.com/kubernetes/kubernetes/pull/1'), [])
    assert.deepEqual(told('unapproved, a test'), [])
    assert.match(told('yes')[0], /either a URL or a reason starting with "unapproved"/)
  })
})

// k8s.io/apiextensions-apiserver/pkg/apiserver/schema/validation.go and pkg/apis/apiextensions/validation.
describe('structural schemas', () => {
  for (const [name, spec, ...says] of STRUCTURAL_CASES) {
    test(name, () => {
      const said = say(spec)
      assert.equal(said.length, says.length, String(said))
      says.forEach((expected, i) => {
        if (typeof expected === 'string') assert.equal(said[i], expected)
        else assert.match(said[i], expected)
      })
    })
  }
})
