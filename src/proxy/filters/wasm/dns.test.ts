import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import type { ResolvedAddress } from '../../../wasm/index.ts'
import { resolveDns } from './dns.ts'

const A = 1

/** Answers by the first label: `four` has an IPv4 address, `both` one of each, `broken` gets SERVFAIL, all others do not exist. */
async function nameServer() {
  const socket = createSocket('udp4')
  socket.on('message', (query, peer) => {
    const end = query.indexOf(0, 12) + 5
    const label = query.toString('latin1', 13, 13 + query[12])
    const type = query.readUInt16BE(end - 4)
    const has = label === 'both' || (label === 'four' && type === A)
    const address = type === A ? Buffer.from([192, 0, 2, 7]) : Buffer.from(`20010db8${'0'.repeat(23)}7`, 'hex')
    const head = Buffer.from(query.subarray(0, 12))
    head[2] = 0x81
    head[3] = label === 'broken' ? 0x82 : label === 'four' || has ? 0x80 : 0x83
    head.writeUInt16BE(has ? 1 : 0, 6)
    head.writeUInt32BE(0, 8)
    const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, address.length])
    socket.send(
      Buffer.concat([head, query.subarray(12, end), ...(has ? [record, address] : [])]),
      peer.port,
      peer.address,
    )
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

const CASES: readonly [name: string, found: readonly ResolvedAddress[] | undefined][] = [
  ['four.test', [{ address: '192.0.2.7:0', ttl: 60 }]],
  ['both.test', [{ address: '[2001:db8::7]:0', ttl: 60 }]],
  ['none.test', []],
  ['broken.test', undefined],
  ['192.0.2.1', [{ address: '192.0.2.1:0', ttl: 0 }]],
  ['::1', [{ address: '[::1]:0', ttl: 0 }]],
]

test('names are resolved as by Envoy: IPv6, else IPv4, with a port', async () => {
  const server = await nameServer()
  try {
    for (const [name, expected] of CASES) {
      const servers = [`127.0.0.1:${server.address().port}`]
      const found = await new Promise((resolve) => resolveDns(name, resolve, servers))
      assert.deepEqual(found, expected, name)
    }
  } finally {
    server.close()
  }
})

test('a look-up that is cancelled says nothing', async () => {
  const server = await nameServer()
  try {
    for (const name of ['four.test', '192.0.2.1']) {
      const servers = [`127.0.0.1:${server.address().port}`]
      resolveDns(name, () => assert.fail(name), servers).cancel()
    }
    await new Promise((resolve) => resolveDns('both.test', resolve, [`127.0.0.1:${server.address().port}`]))
  } finally {
    server.close()
  }
})
