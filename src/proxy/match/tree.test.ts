import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ActionSchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.ts'
import { MatcherSchema } from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { registry } from '../../xds/registry.ts'
import { type MatchTree, matchTree } from './tree.ts'

type Subject = Readonly<Record<string, string>>

/** The action is the name of RBAC's; the input the field of the subject that a header's input names. */
function compile(matcher: JsonValue): MatchTree<Subject, string> {
  return matchTree(fromJson(MatcherSchema, matcher, { registry }), 'm', {
    input: (_, message) => {
      const { headerName } = message as { headerName: string }
      return (subject: Subject) => subject[headerName]
    },
    action: (typeName, message) => {
      assert.equal(typeName, ActionSchema.typeName)
      return (message as { name: string }).name
    },
  })
}

const TYPE = 'type.googleapis.com/envoy'
const input = (name: string) => ({
  name: 'i',
  typedConfig: { '@type': `${TYPE}.type.matcher.v3.HttpRequestHeaderMatchInput`, headerName: name },
})
const action = (name: string) => ({
  action: { name: 'a', typedConfig: { '@type': `${TYPE}.config.rbac.v3.Action`, name } },
})
const is = (name: string, exact: string) => ({ singlePredicate: { input: input(name), valueMatch: { exact } } })

describe('what is no matcher', () => {
  const list = (predicate: JsonValue, onMatch: JsonValue = action('x')) => ({
    matcherList: { matchers: [{ predicate, onMatch }] },
  })
  const ip = (config: JsonValue) =>
    list({ singlePredicate: { input: input('a'), customMatch: { name: 'c', typedConfig: config } } })
  for (const [what, matcher, error] of [
    ['no conditions', { matcherList: {} }, /m\.matcher_list\.matchers: is empty/],
    ['no predicate', list({}), /m\.matcher_list\.matchers\[0\]\.predicate: a predicate is missing/],
    ['no action', list(is('a', 'b'), {}), /matchers\[0\]\.on_match: a matcher or an action is missing/],
    ['one of one', list({ orMatcher: { predicate: [is('a', 'b')] } }), /or_matcher\.predicate: needs two or more/],
    ['nothing to compare', list({ singlePredicate: { input: input('a') } }), /value_match or custom_match is missing/],
    [
      'no input',
      list({ singlePredicate: { valueMatch: { exact: 'a' } } }),
      /single_predicate\.input\.typed_config: a typed config is missing/,
    ],
    ['an empty map', { matcherTree: { input: input('a'), exactMatchMap: {} } }, /exact_match_map\.map: is empty/],
    ['no map', { matcherTree: { input: input('a') } }, /m\.matcher_tree: exact_match_map, prefix_match_map or/],
    [
      'another matcher',
      ip({ '@type': `${TYPE}.config.rbac.v3.Action`, name: 'a' }),
      /custom_match\.typed_config: .*matcher envoy\.config\.rbac\.v3\.Action/,
    ],
    [
      'keep_matching',
      list(is('a', 'b'), { ...action('x'), keepMatching: true }),
      /on_match\.keep_matching: has no meaning here/,
    ],
    [
      'no ranges',
      ip({ '@type': `${TYPE}.extensions.matching.input_matchers.ip.v3.Ip`, statPrefix: 'a' }),
      /cidr_ranges: is empty/,
    ],
  ] as const)
    test(what, () => assert.throws(() => compile(matcher as JsonValue), error))
})

test('a tree of conditions decides as its definition does', () => {
  const values = fc.constantFrom('', '1', '2')
  const names = fc.constantFrom('a', 'b')
  type Node = { json: JsonValue; holds(subject: Subject): boolean }
  const { predicate } = fc.letrec<{ predicate: Node }>((tie) => {
    const single = fc
      .tuple(names, values)
      .map(([name, value]): Node => ({ json: is(name, value), holds: (subject) => subject[name] === value }))
    const several = fc.array(tie('predicate'), { minLength: 2, maxLength: 3 })
    const json = (nodes: readonly Node[]) => ({ predicate: nodes.map((node) => node.json) })
    return {
      predicate: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        single,
        several.map((n): Node => ({ json: { orMatcher: json(n) }, holds: (s) => n.some((one) => one.holds(s)) })),
        several.map((n): Node => ({ json: { andMatcher: json(n) }, holds: (s) => n.every((one) => one.holds(s)) })),
        tie('predicate').map((n): Node => ({ json: { notMatcher: n.json }, holds: (s) => !n.holds(s) })),
      ),
    }
  })
  const subjects = fc.record({ a: values, b: values }, { requiredKeys: [] }) as fc.Arbitrary<Subject>
  fc.assert(
    fc.property(fc.array(predicate, { minLength: 1, maxLength: 4 }), subjects, (nodes, subject) => {
      const matchers = nodes.map(({ json }, i) => ({ predicate: json, onMatch: action(String(i)) }))
      const tree = compile({ matcherList: { matchers }, onNoMatch: action('none') } as JsonValue)
      const first = nodes.findIndex((node) => node.holds(subject))
      assert.equal(tree(subject), first === -1 ? 'none' : String(first))
    }),
  )
})
