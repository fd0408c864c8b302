import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readProxyHeader } from './proxy-protocol.ts'

const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const v2 = (command: number, family: number, body: readonly number[]) =>
  Buffer.concat([V2, Buffer.from([command, family, 0, body.length, ...body])])
const FOUR = [10, 0, 0, 1, 10, 0, 0, 2, 4, 210, 0, 80]

describe('PROXY protocol', () => {
  test('version 1 and 2 tell the addresses', () => {
    const addresses = { remoteAddress: '10.0.0.1', remotePort: 1234, localAddress: '10.0.0.2', localPort: 80 }
    const line = Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1234 80\r\nmore')
    const odd = Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 +1234\t 0080 \r\n')
    const extended = v2(0x21, 0x11, [...FOUR, 4, 0, 1, 0, 5, 0, 0])
    assert.deepEqual(readProxyHeader(line), { length: 38, addresses })
    assert.deepEqual(readProxyHeader(odd), { length: odd.length, addresses })
    assert.deepEqual(readProxyHeader(v2(0x21, 0x11, FOUR)), { length: 28, addresses })
    assert.deepEqual(readProxyHeader(extended), { length: 35, addresses })
  })

  // A rule for ::1 is one for it however the header spells it.
  test('addresses of IPv6 are told in one spelling', () => {
    const addresses = { remoteAddress: '::1', remotePort: 1, localAddress: '2001:db8::a:0:0:1', localPort: 80 }
    const line = Buffer.from('PROXY TCP6 0:0:0:0:0:0:0:1 2001:DB8::A:0:0:1 1 80\r\n')
    assert.deepEqual(readProxyHeader(line)?.addresses, addresses)
    const six = [...Buffer.from(`${'0'.repeat(31)}120010db800000000000a00000000000100010050`, 'hex')]
    assert.deepEqual(readProxyHeader(v2(0x21, 0x21, six))?.addresses, addresses)
  })

  for (const [what, bytes] of [
    ['version 1 without addresses', Buffer.from('PROXY UNKNOWN and so on\r\n')],
    ['version 2 of a health check', v2(0x20, 0, [])],
    ['version 2 of a health check, with addresses', v2(0x20, 0x11, FOUR)],
  ] as const) {
    test(`${what} leaves the socket’s`, () => assert.deepEqual(readProxyHeader(bytes)?.addresses, {}))
  }

  for (const [what, bytes] of [
    ['a port beyond 65535', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 65536 80\r\n')],
    ['an address for many', Buffer.from('PROXY TCP4 224.0.0.1 10.0.0.2 1 80\r\n')],
    ['the address of all', Buffer.from('PROXY TCP4 10.0.0.1 255.255.255.255 1 80\r\n')],
    ['an address of an interface by its name', Buffer.from('PROXY TCP6 fe80::1%lo ::1 1 80\r\n')],
    ['no address of IPv6', Buffer.from('PROXY TCP6 ::1 :: 1 80\r\n')],
    ['an address of version 2 for many', v2(0x21, 0x11, [239, 0, 0, 1, 10, 0, 0, 2, 4, 210, 0, 80])],
    ['an address of the other family', Buffer.from('PROXY TCP4 ::1 10.0.0.2 1 80\r\n')],
    ['a line that is too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`)],
    ['a line without end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
    ['no IP', v2(0x21, 0x31, [1, 2, 3])],
    ['an unknown family', v2(0x21, 0, [])],
    ['neither stream nor datagram', v2(0x21, 0x10, FOUR)],
    ['an extension that is cut off', v2(0x21, 0x11, [...FOUR, 4, 0, 2, 0])],
    ['half an extension', v2(0x21, 0x11, [...FOUR, 4, 0])],
    ['another version', v2(0x11, 0x11, FOUR)],
    ['another command', v2(0x22, 0x11, FOUR)],
    ['addresses that are cut off', v2(0x21, 0x11, FOUR.slice(1))],
    [
      'white space that is not ASCII’s behind a port',
      Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1\xa0 80\r\n', 'latin1'),
    ],
    ['white space that is not ASCII’s at the end', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 80\xa0\r\n', 'latin1')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ] as const) {
    test(`${what} is none`, () => assert.equal(readProxyHeader(bytes), null))
  }
})
