import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dnsNameMatches } from './dns-name.ts'

for (const [certified, name, expected] of [
  ['a.example', 'a.example', true],
  ['A.example', 'a.EXAMPLE', true],
  ['*.example.com', 'a.example.com', true],
  ['*.example.com', 'a.b.example.com', false],
  ['*.example.com', 'example.com', false],
  ['*.example.com', '.example.com', false],
  ['*.com', 'com', false],
  ['b*z.example.com', 'baz.example.com', true],
  ['b*z.example.com', 'bz.example.com', true],
  ['ba*az.example.com', 'baz.example.com', false],
  ['b*z.example.com', 'bay.example.com', false],
  ['b*z*.example.com', 'baz.example.com', false],
  ['*.*.com', 'a.b.com', false],
  ['xn--*.example.com', 'xn--a.example.com', false],
  ['*', 'a', false],
] as const)
  test(`${certified} ${expected ? 'names' : 'does not name'} ${name}`, () =>
    assert.equal(dnsNameMatches(name, certified), expected))
