import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { PolicySchema, RBACSchema } from '../../../../gen/envoy/config/rbac/v3/rbac_pb.ts'
import type { AttributePlace } from '../../http/attributes.ts'
import { RbacEngine } from './engine.ts'

// PermissionValidationError.Any and PrincipalValidationError.Any in Envoy.
test('an any that is false is refused', () => {
  const rules = (permission: boolean, principal: boolean) =>
    create(RBACSchema, {
      policies: {
        p: create(PolicySchema, {
          permissions: [{ rule: { case: 'any', value: permission } }],
          principals: [{ identifier: { case: 'any', value: principal } }],
        }),
      },
    })
  const compile = (permission: boolean, principal: boolean) =>
    new RbacEngine(rules(permission, principal), 'rules', {} as AttributePlace)
  compile(true, true)
  assert.throws(() => compile(false, true), /rules\.policies\["p"\]\.permissions\[0\]\.any: must be true/)
  assert.throws(() => compile(true, false), /rules\.policies\["p"\]\.principals\[0\]\.any: must be true/)
})

// `min_items` of Envoy's proto; an empty `and_rules` would hold for everybody.
test('an empty list is refused', () => {
  const ANY = [{ any: true }]
  for (const [policy, field] of [
    [{ principals: ANY }, /permissions: at least one/],
    [{ permissions: ANY }, /principals: at least one/],
    [{ permissions: [{ andRules: {} }], principals: ANY }, /permissions\[0\]\.and_rules\.rules: at least one/],
    [{ permissions: [{ orRules: {} }], principals: ANY }, /permissions\[0\]\.or_rules\.rules: at least one/],
    [{ permissions: ANY, principals: [{ andIds: {} }] }, /principals\[0\]\.and_ids\.ids: at least one/],
    [{ permissions: ANY, principals: [{ orIds: {} }] }, /principals\[0\]\.or_ids\.ids: at least one/],
  ] as const) {
    const rules = fromJson(RBACSchema, { policies: { p: policy } } as JsonValue)
    assert.throws(() => new RbacEngine(rules, 'rules', {} as AttributePlace), field)
  }
})
