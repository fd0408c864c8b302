/** Which chain a connection gets by `filter_chain_match`, and which chains Envoy does not take beside each other. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { FilterChainMatchSchema } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import type { ChainFacts } from './chain-facts.ts'
import { chainTree } from './chain-tree.ts'

const FACTS: ChainFacts = {
  localAddress: '10.0.0.1',
  localPort: 80,
  remoteAddress: '192.0.2.1',
  remotePort: 5000,
  directRemoteAddress: '192.0.2.1',
  serverName: '',
  transport: 'raw_buffer',
  protocols: [],
}

function tree(...matches: JsonObject[]): (facts: Partial<ChainFacts>) => number | undefined {
  const find = chainTree(
    matches.map((match, i) => ({ chain: i, match: fromJson(FilterChainMatchSchema, match), path: `chains[${i}]` })),
  )
  return (facts) => find({ ...FACTS, ...facts })
}

const range = (addressPrefix: string, prefixLen: number) => ({ addressPrefix, prefixLen })

describe('the chain of a connection', () => {
  for (const [what, matches, facts, chain] of [
    ['the only one', [{}], {}, 0],
    [
      'none, where the port leads to chains that want another name, though one without a port would do',
      [{ destinationPort: 80, serverNames: ['a'] }, {}],
      { serverName: 'b' },
      undefined,
    ],
    [
      'none, where the narrowest range leads to another transport',
      [{ prefixRanges: [range('10.0.0.0', 24)], transportProtocol: 'tls' }, { prefixRanges: [range('10.0.0.0', 8)] }],
      {},
      undefined,
    ],
    [
      'that of the protocol that the client asks for first',
      [{ applicationProtocols: ['a'] }, { applicationProtocols: ['b'] }],
      { protocols: ['x', 'b', 'a'] },
      1,
    ],
    [
      'that of the longest wildcard',
      [{ serverNames: ['*.a'] }, { serverNames: ['*.b.a'] }],
      { serverName: 'x.c.b.a' },
      1,
    ],
    ['that of a wildcard, which stands for no empty name', [{ serverNames: ['*.a'] }, {}], { serverName: '.a' }, 0],
    ['not that of the wildcard itself', [{ serverNames: ['*.b.a'] }, {}], { serverName: 'b.a' }, 1],
    ['that of a name in upper case', [{ serverNames: ['A.Example'] }], { serverName: 'a.example' }, 0],
    ['of a range with bits behind its length', [{ prefixRanges: [range('10.9.9.9', 8)] }], {}, 0],
    [
      'of a range longer than an address',
      [{ prefixRanges: [range('10.0.0.1', 64)] }, {}],
      { localAddress: '10.0.0.2' },
      1,
    ],
    ['of an IPv6 range', [{ sourcePrefixRanges: [range('2001:DB8::1', 32)] }], { remoteAddress: '2001:db8:1::' }, 0],
    ['of no range, on a Unix domain socket', [{ prefixRanges: [range('10.0.0.0', 8)] }, {}], { localAddress: '' }, 1],
    ['for local ones: loopback', [{ sourceType: 'SAME_IP_OR_LOOPBACK' }, {}], { remoteAddress: '127.0.0.1' }, 0],
    [
      'for external ones: another address of the loopback network',
      [{ sourceType: 'EXTERNAL' }],
      { remoteAddress: '127.0.0.2' },
      0,
    ],
    [
      'for local ones: from the same address',
      [{ sourceType: 'SAME_IP_OR_LOOPBACK' }],
      { remoteAddress: '10.0.0.1' },
      0,
    ],
    ['for local ones: a Unix domain socket', [{ sourceType: 'SAME_IP_OR_LOOPBACK' }], { remoteAddress: '' }, 0],
    [
      'for external ones: an internal listener',
      [{ sourceType: 'EXTERNAL' }],
      { remoteAddress: 'envoy://x/', localAddress: 'envoy://x/' },
      0,
    ],
    ['of a source port', [{ sourcePorts: [1, 5000] }, {}], {}, 0],
    [
      'of a source that PROXY protocol tells, not of the peer',
      [{ sourcePrefixRanges: [range('10.0.0.0', 8)] }, { directSourcePrefixRanges: [range('10.0.0.0', 8)] }, {}],
      { directRemoteAddress: '10.0.0.9' },
      1,
    ],
  ] as const)
    test(what, () => assert.equal(tree(...(matches as unknown as JsonObject[]))(facts), chain))
})

describe('chains that are refused', () => {
  for (const [what, matches, error] of [
    ['equal ones', [{}, {}], /chains\[1\]\.filter_chain_match: matches connections that chains\[0\]/],
    [
      'one name in two',
      [{ serverNames: ['a', 'b'] }, { serverNames: ['B'] }],
      /chains\[1\]\.filter_chain_match: matches/,
    ],
    ['a name twice', [{ serverNames: ['a', 'a'] }], /chains\[0\]\.filter_chain_match: asks for the same twice/],
    ['no name twice', [{ serverNames: ['', ''] }], /asks for the same twice/],
    [
      'a wildcard and what Envoy writes for it',
      [{ serverNames: ['.a'] }, { serverNames: ['*.a'] }],
      /matches connections/,
    ],
    [
      'one range, written in two ways',
      [{ prefixRanges: [range('10.1.0.1', 8)] }, { prefixRanges: [range('10.0.0.1', 8)] }],
      /matches connections/,
    ],
    ['a wildcard for all', [{ serverNames: ['*'] }], /server_names: "\*" is a partial wildcard/],
    ['a wildcard inside', [{ serverNames: ['a.*'] }], /partial wildcard/],
    [
      'no address',
      [{ sourcePrefixRanges: [range('a.b', 8)] }],
      /source_prefix_ranges\[0\]\.address_prefix: "a\.b" is no IP/,
    ],
    [
      'too long a range',
      [{ prefixRanges: [range('::', 129)] }],
      /prefix_ranges\[0\]\.prefix_len: must be from 0 to 128/,
    ],
    ['port 0', [{ destinationPort: 0 }], /destination_port: must be from 1 to 65535/],
    ['source port 65536', [{ sourcePorts: [1, 65_536] }], /source_ports\[1\]: must be/],
    ['what Envoy has not built', [{ addressSuffix: 'a' }], /address_suffix: the field is not supported/],
  ] as const)
    test(what, () => assert.throws(() => tree(...(matches as unknown as JsonObject[])), error))
})
