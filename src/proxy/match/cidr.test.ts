import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { CidrRangeSchema } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import { cidrMatch } from './cidr.ts'

describe('ranges of addresses', () => {
  for (const [range, ip, expected] of [
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['0.0.0.0/0', '2001:db8::5', false],
    ['::/0', '2001:db8::5', true],
    // Measured on Envoy 1.40: families do not mix.
    ['::/0', '10.1.2.3', false],
    ['::/0', '::ffff:10.1.2.3', true],
    ['0.0.0.0/0', '::ffff:10.1.2.3', false],
    ['::ffff:0:0/96', '10.1.2.3', false],
  ] as const) {
    test(`${range} ${expected ? 'holds' : 'does not hold'} ${ip}`, () => {
      const [addressPrefix, length] = range.split('/')
      assert.equal(
        cidrMatch([create(CidrRangeSchema, { addressPrefix, prefixLen: Number(length) })], 'x')(ip),
        expected,
      )
    })
  }
})
