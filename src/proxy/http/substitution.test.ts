import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { StreamInfo } from './stream-info.ts'
import { textFormat } from './substitution.ts'

const info = () => new StreamInfo({ remoteAddress: '10.0.0.1', remotePort: 7 } as ConnectionInfo)

/** What Envoy has and nothing here keeps: a dash would say that there is none. */
for (const name of ['DOWNSTREAM_CX_RTT', 'BYTES_RETRANSMITTED', 'UPSTREAM_TLS_GROUP', 'DOWNSTREAM_WIRE_BYTES_SENT'])
  test(`%${name}% is refused`, () => {
    assert.throws(() => textFormat(`%${name}%\n`, 'log'), new RegExp(`log: operator %${name}% is not supported`))
  })

describe('arguments that are wrong', () => {
  for (const [format, reason] of [
    ['COMMON_DURATION', /is not from:to/],
    ['COMMON_DURATION(DS_RX_BEG)', /is not from:to/],
    ['COMMON_DURATION(DS_RX_BEG:DS_RX_END:s)', /s is none of ms, us and ns/],
    ['COMMON_DURATION(DS_RX_BEG:constructor)', /constructor is none of DS_RX_BEG/],
    ['COALESCE', /COALESCE takes JSON/],
    ['COALESCE(5)', /needs "operators"/],
    ['COALESCE({"operators":[]})', /needs "operators"/],
    ['COALESCE({"operators":["toString"]})', /operator %toString% is not supported/],
    ['COALESCE({"operators":["PROTOCOL",7]})', /operator 1: is neither a name nor an object/],
    ['COALESCE({"operators":[{}]})', /has no "command"/],
    ['COALESCE({"operators":[{"command":"REQ","param":1}]})', /"param" is not a text/],
    ['COALESCE({"operators":[{"command":"REQ","param":"a","max_length":0}]})', /"max_length" is not a positive number/],
    ['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(129)', /129 is no number of bits/],
    ['METADATA(NOBODY:a)', /metadata of «NOBODY» is not supported/],
    ['METADATA(LISTENER:a)', /metadata of «LISTENER» is not supported here/],
    ['UPSTREAM_FILTER_STATE', /without a key/],
    ['TRACE_ID(a)', /operator %TRACE_ID\(a\)% is not supported/],
  ] as const)
    test(format, () => assert.throws(() => textFormat(`%${format}%`, 'log'), reason))
})

test('UNIQUE_ID is another one each time', () => {
  const [first, second] = textFormat('%UNIQUE_ID% %UNIQUE_ID%', 'log')(info()).split(' ')
  assert.match(first, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.notEqual(first, second)
})

test('a duration between two points of the request, in its precision', () => {
  const one = info()
  one.startMono = 1000
  one.firstUpstreamTxMono = 1002.5004
  const text = textFormat(
    ['', ':us', ':ns'].map((unit) => `%COMMON_DURATION(DS_RX_BEG:US_TX_BEG${unit})%`).join(' '),
    'log',
  )
  assert.equal(text(one), '2 2500 2500400')
})
