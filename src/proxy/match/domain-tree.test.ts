import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { ServerNameMatcherSchema } from '../../../gen/xds/type/matcher/v3/domain_pb.ts'
import { Matcher_OnMatchSchema } from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { domainTree } from './domain-tree.ts'

/** Each domain leads to itself, unless it is one of `nowhere`. */
function find(domains: readonly string[], nowhere: readonly string[] = []): (name: string) => string | undefined {
  const domainMatchers = domains.map((domain) => ({ domains: [domain], onMatch: create(Matcher_OnMatchSchema) }))
  const places = new Map(domains.map((domain, i) => [`m.domain_matchers[${i}].on_match`, domain]))
  const tree = domainTree<string, string>(
    create(ServerNameMatcherSchema, { domainMatchers }),
    'm',
    (name) => name,
    (_, path) => {
      const domain = places.get(path) as string
      return () => (nowhere.includes(domain) ? undefined : domain)
    },
  )
  return (name) => tree(name) as string | undefined
}

describe('server names', () => {
  const all = ['a.example', '*.a.example', '*.example', '*']
  for (const [name, domain] of [
    ['a.example', 'a.example'],
    ['b.a.example', '*.a.example'],
    ['c.b.a.example', '*.a.example'],
    ['b.example', '*.example'],
    ['.example', '*.example'],
    ['example', '*'],
    ['A.example', '*.example'],
    ['', undefined],
  ] as const)
    test(`${name} goes to ${domain}`, () => assert.equal(find(all)(name), domain))

  test('the next one is asked where one leads nowhere', () => {
    assert.equal(find(all, ['a.example', '*.example'])('a.example'), '*')
    assert.equal(find(all, ['*.a.example'])('b.a.example'), '*.example')
  })

  for (const [what, matcher, error] of [
    ['no domains', { domainMatchers: [{ onMatch: {} }] }, /m\.domain_matchers\[0\]\.domains: is empty/],
    ['no match', { domainMatchers: [{ domains: ['a'] }] }, /m\.domain_matchers\[0\]\.on_match: is missing/],
    ['one twice', { domainMatchers: [{ domains: ['a', 'a'], onMatch: {} }] }, /domains\[1\]: "a" stands there twice/],
    ...['', '*a', '*.', 'a.*', '*.*.a'].map((domain) => [
      `«${domain}»`,
      { domainMatchers: [{ domains: [domain], onMatch: {} }] },
      /domains\[0\]: ".*" is no name, and no wildcard/,
    ]),
  ] as const)
    test(`${what} is refused`, () => {
      const proto = fromJson(ServerNameMatcherSchema, matcher as JsonValue)
      assert.throws(() => domainTree(proto, 'm', String, () => () => 'a'), error as RegExp)
    })
})
