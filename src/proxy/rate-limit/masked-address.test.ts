import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { maskedAddress } from './masked-address.ts'

describe('maskedAddress', () => {
  for (const [ip, v4, v6, expected] of [
    ['10.17.2.3', 12, 128, '10.16.0.0/12'],
    ['10.17.2.3', 32, 128, '10.17.2.3/32'],
    ['255.255.255.255', 0, 0, '0.0.0.0/0'],
    ['255.255.255.255', 25, 0, '255.255.255.128/25'],
    ['2001:abcd:ef01:2345:6789:abcd:ef01:234', 0, 50, '2001:abcd:ef01::/50'],
    ['2001:abcd:ef01:2345:6789:abcd:ef01:234', 0, 64, '2001:abcd:ef01:2345::/64'],
    ['1:0:0:2:0:0:0:3', 0, 127, '1:0:0:2::2/127'],
    ['::ffff:1.2.3.4', 32, 128, '::ffff:1.2.3.4/128'],
    ['1:2:3:4:5:6:1.2.3.4', 32, 120, '1:2:3:4:5:6:102:300/120'],
    ['::1', 32, 0, '::/0'],
    ['fe80::1%eth0', 32, 16, 'fe80::/16'],
    ['envoy://internal', 32, 128, undefined],
    ['', 32, 128, undefined],
  ] as const)
    test(`${ip} in ${v4} or ${v6} bits`, () => assert.equal(maskedAddress(ip, v4, v6), expected))

  test('an address lies in its network, as Node sees it', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16))
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), fc.integer({ min: 0, max: 127 }), (groups, bits) => {
        const ip = groups.join(':')
        const [net, length] = (maskedAddress(ip, 32, bits) as string).split('/')
        const list = new BlockList()
        list.addSubnet(net, Number(length), 'ipv6')
        assert.ok(list.check(ip, 'ipv6'))
      }),
    )
  })
})
