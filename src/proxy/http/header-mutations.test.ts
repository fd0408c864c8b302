import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HeaderMutations } from './header-mutations.ts'

describe('HeaderMutations', () => {
  // Envoy: «:-prefixed or host headers may not be modified».
  for (const key of [':path', ':authority', ':status', 'Host']) {
    it(`refuses to change or remove ${key}`, () => {
      const option = { header: { key, value: 'x' }, appendAction: 0, keepEmptyValue: false } as never
      assert.throws(() => HeaderMutations.compile([option], [], 'route.request_headers'), {
        message: /route\.request_headers_to_add\[0\]\.header\.key/,
      })
      assert.throws(() => HeaderMutations.compile([], [key], 'route.request_headers'), {
        message: /route\.request_headers_to_remove\[0\]/,
      })
    })
  }
})
