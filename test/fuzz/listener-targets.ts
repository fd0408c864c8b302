import assert from 'node:assert/strict'
import { readClientHello } from '../../src/proxy/listener/client-hello.ts'
import { readProxyHeader } from '../../src/proxy/listener/proxy-protocol.ts'
import type { FuzzTarget } from './fuzz.ts'

/** What is read of the beginning of a connection does not change with what comes behind it. */
function settlesOnce(read: (bytes: Buffer) => unknown, input: Buffer): void {
  const whole = read(input)
  const step = 1 + ((input[input.length - 1] ?? 0) % 13)
  for (let length = 0; length < input.length; length += step) {
    const early = read(input.subarray(0, length))
    if (early !== undefined) assert.deepEqual(early, whole)
  }
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const EXTENSIONS = '0000 0006 0004 00 0001 61 0010 0005 0003 02 6832'
const BODY = `0303 ${'11'.repeat(32)} 00 0002 1301 01 00 0015 ${EXTENSIONS}`
const HELLO = `01 000042 ${BODY}`

/** RFC 8446 4.1.2, in records of every size. */
const clientHello: FuzzTarget = {
  name: 'client-hello',
  seeds: [
    hex(`16 0301 0046 ${HELLO}`),
    Buffer.concat([...hex(HELLO)].map((byte) => Buffer.from([22, 3, 1, 0, 1, byte]))),
    hex('16 0301 0005 01 00ffff 03'),
  ],
  run: (input) => settlesOnce(readClientHello, input),
}

/** haproxy.org, proxy-protocol.txt */
const proxyHeader: FuzzTarget = {
  name: 'proxy-header',
  seeds: [
    Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1234 80\r\nGET /'),
    Buffer.from('PROXY TCP6 ::1 fe80::1 1 65535\r\n'),
    Buffer.from('PROXY UNKNOWN whatever\r\n'),
    hex('0d0a0d0a000d0a515549540a 21 11 000c 0a000001 0a000002 04d2 0050'),
    hex(`0d0a0d0a000d0a515549540a 21 21 0024 ${'00'.repeat(31)}01 0001 0002`),
    hex('0d0a0d0a000d0a515549540a 20 00 0000'),
  ],
  run: (input) => settlesOnce(readProxyHeader, input),
}

export const LISTENER_TARGETS: readonly FuzzTarget[] = [clientHello, proxyHeader]
