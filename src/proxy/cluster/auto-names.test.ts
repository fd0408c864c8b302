import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { certificateNames, nameOf } from './auto-names.ts'
import type { UpstreamCallbacks } from './upstream.ts'

describe('the name of the server that a request is for', () => {
  for (const [authority, header, expected] of [
    ['a.example', '', 'a.example'],
    ['A.example:443', '', 'a.example'],
    ['10.0.0.1:443', '', '10.0.0.1'],
    ['[::1]:443', '', '::1'],
    ['', '', ''],
    ['a.example', 'x', 'b.example'],
    ['a.example', 'none', 'a.example'],
  ] as const)
    test(`${authority}, ${header}`, () => {
      const requestHeaders = HeaderMap.of([
        [':authority', authority],
        ['x', 'b.example:1'],
      ])
      assert.equal(nameOf({ sni: true, san: true, header }, { requestHeaders } as UpstreamCallbacks), expected)
    })

  test('of what has no headers: none', () => {
    assert.equal(nameOf({ sni: true, san: true, header: '' }, {} as UpstreamCallbacks), '')
  })
})

// Envoy's Utility::dnsNameMatch.
for (const [names, name, expected] of [
  ['DNS:a.example', 'a.example', true],
  ['DNS:A.example', 'a.EXAMPLE', true],
  ['DNS:*.example.com', 'a.example.com', true],
  ['DNS:*.example.com', 'a.b.example.com', false],
  ['DNS:*.example.com', 'example.com', false],
  ['DNS:*.example.com', '.example.com', false],
  ['DNS:b.example, URI:spiffe://a', 'a', false],
  ['IP Address:127.0.0.1', '127.0.0.1', true],
  ['IP Address:0:0:0:0:0:0:0:1', '::1', true],
  ['DNS:a.b', '127.0.0.1', false],
  ['', 'a.example', false],
] as const)
  test(`${names} ${expected ? 'names' : 'does not name'} ${name}`, () =>
    assert.equal(certificateNames(names, name), expected))
