import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { MatcherSchema } from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { registry } from '../../xds/registry.ts'
import type { ChainFacts } from './chain-facts.ts'
import { chainMatcher } from './chain-matcher.ts'

const FACTS: ChainFacts = {
  localAddress: '10.0.0.1',
  localPort: 80,
  remoteAddress: '192.0.2.1',
  remotePort: 5000,
  directRemoteAddress: '192.0.2.9',
  serverName: 'a.example',
  transport: 'tls',
  protocols: ['h2', 'http/1.1'],
}

function find(matcher: JsonValue, names: readonly string[] = ['a', 'b']) {
  const chains = names.map((name, i) => ({ chain: name, name, path: `chains[${i}]` }))
  return chainMatcher(fromJson(MatcherSchema, matcher, { registry }), chains, 'default', 'm')
}

const INPUTS = 'type.googleapis.com/envoy.extensions.matching.common_inputs'
const input = (type: string, fields = {}) => ({ name: 'i', typedConfig: { '@type': `${INPUTS}.${type}`, ...fields } })
const chain = (value: string, type = 'google.protobuf.StringValue') => ({
  action: { name: 'a', typedConfig: { '@type': `type.googleapis.com/${type}`, value } },
})
const map = (type: string, key: string, fields = {}) => ({
  matcherTree: { input: input(type, fields), exactMatchMap: { map: { [key]: chain('a') } } },
  onNoMatch: chain('b'),
})

describe('filter_chain_matcher', () => {
  for (const [type, key, facts] of [
    ['network.v3.DestinationIPInput', '10.0.0.1', {}],
    ['network.v3.DestinationPortInput', '80', {}],
    ['network.v3.SourceIPInput', '192.0.2.1', {}],
    ['network.v3.SourcePortInput', '5000', {}],
    ['network.v3.DirectSourceIPInput', '192.0.2.9', {}],
    ['network.v3.SourceTypeInput', 'local', { remoteAddress: '127.0.0.1' }],
    ['network.v3.ServerNameInput', 'a.example', {}],
    ['network.v3.TransportProtocolInput', 'tls', {}],
    ['network.v3.ApplicationProtocolInput', "'h2','http/1.1'", {}],
  ] as const)
    test(`${type} reads ${key}`, () => assert.equal(find(map(type, key))({ ...FACTS, ...facts }), 'a'))

  for (const [what, matcher, found] of [
    ['no address of a Unix domain socket', map('network.v3.DestinationPortInput', '80'), 'b'],
    ['filter state, which there is none of yet', map('network.v3.FilterStateInput', '', { key: 'k' }), 'b'],
    ['no conditions', {}, 'default'],
    ['a name that no chain has', { onNoMatch: chain('c') }, undefined],
    ['a match that is to be kept on with', { onNoMatch: { ...chain('a'), keepMatching: true } }, 'default'],
    ['a certificate, before the handshake', map('ssl.v3.UriSanInput', ''), 'default'],
  ] as const)
    test(what, () => assert.equal(find(matcher as JsonValue)({ ...FACTS, localAddress: '' }), found))

  test('what a certificate would decide is undecided, but for another that decides', () => {
    const single = (type: string, exact: string) => ({
      singlePredicate: { input: input(type), valueMatch: { exact } },
    })
    const [later, yes, no] = [
      single('ssl.v3.SubjectInput', 'a'),
      single('network.v3.DestinationPortInput', '80'),
      single('network.v3.DestinationPortInput', '81'),
    ]
    const list = (predicate: JsonValue) =>
      find({ matcherList: { matchers: [{ predicate, onMatch: chain('a') }] }, onNoMatch: chain('b') })(FACTS)
    assert.equal(list({ notMatcher: later }), 'default')
    assert.equal(list({ orMatcher: { predicate: [later, yes] } }), 'a')
    assert.equal(list({ orMatcher: { predicate: [later, no] } }), 'default')
    assert.equal(list({ andMatcher: { predicate: [later, no] } }), 'default')
    assert.equal(list({ andMatcher: { predicate: [no, later] } }), 'b')
  })

  for (const [what, matcher, names, error] of [
    ['a chain without a name', {}, [''], /chains\[0\]\.name: is missing/],
    ['a name of two', {}, ['a', 'a'], /chains\[1\]\.name: "a" is the name of two chains/],
    [
      'another action',
      { onNoMatch: chain('YQ==', 'google.protobuf.BytesValue') },
      ['a'],
      /m\.on_no_match\.action\.typed_config: action google/,
    ],
    [
      'another input',
      map('environment_variable.v3.Config', 'a', { name: '' }),
      ['a'],
      /input\.typed_config\.name: is missing/,
    ],
    [
      'headers',
      {
        matcherTree: {
          input: {
            name: 'i',
            typedConfig: {
              '@type': 'type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput',
              headerName: 'a',
            },
          },
          exactMatchMap: { map: { a: chain('a') } },
        },
      },
      ['a'],
      /m\.matcher_tree\.input\.typed_config: input envoy/,
    ],
  ] as const)
    test(`${what} is refused`, () => assert.throws(() => find(matcher as JsonValue, names), error))
})
