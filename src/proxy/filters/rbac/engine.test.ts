import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
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
