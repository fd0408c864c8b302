import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ListenerFilterChainMatchPredicateSchema } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { isDisabled } from './filter-disabled.ts'

const check = (yaml: string, ports: readonly number[]) =>
  isDisabled(fromJson(ListenerFilterChainMatchPredicateSchema, parse(yaml) as JsonValue), ports, 'x')
const range = (start: number, end: number) => `{ destination_port_range: { start: ${start}, end: ${end} } }`

for (const [yaml, disabled] of [
  ['{ any_match: true }', true],
  ['{ any_match: false }', false],
  [range(80, 81), true],
  [range(79, 80), false],
  [`{ not_match: ${range(80, 81)} }`, false],
  // As istiod leaves ports of server-first protocols out.
  [`{ or_match: { rules: [${range(3306, 3307)}, ${range(80, 81)}] } }`, true],
  [`{ and_match: { rules: [${range(1, 100)}, { not_match: ${range(90, 95)} }] } }`, true],
] as const) {
  test(`${yaml} on port 80: ${disabled ? 'off' : 'on'}`, () => assert.equal(check(yaml, [80, 80]), disabled))
}

test('refused: a rule without content, and one that parts the addresses', () => {
  assert.throws(() => check('{ and_match: { rules: [{}] } }', [80]), /x\.and_match\.rules\[0\]: a rule is missing/)
  assert.throws(() => check(range(80, 81), [80, 81]), /x: a rule that is for some of the addresses only/)
})
