import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Addresses } from './addresses.ts'

test('each Pod gets another address, and one that was given back is used again last', async () => {
  const addresses = new Addresses('127.211.7.0/29')
  const all: string[] = []
  for (let i = 0; i < 6; i++) all.push(await addresses.allocate([]))
  assert.deepEqual(
    all,
    [1, 2, 3, 4, 5, 6].map((n) => `127.211.7.${n}`),
  )
  await assert.rejects(addresses.allocate([]), { code: 'SL6104' })
  addresses.release('127.211.7.4')
  assert.equal(await addresses.allocate([]), '127.211.7.4')
})

test('an address on which somebody listens is passed over', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.211.8.1', resolve))
  const { port } = server.address() as { port: number }
  try {
    const addresses = new Addresses('127.211.8.0/24')
    assert.equal(await addresses.take('127.211.8.1', [port]), false)
    assert.equal(await addresses.allocate([port]), '127.211.8.2')
  } finally {
    server.close()
  }
})

test('a Pod of an earlier run keeps its address when it is of this network and free', async () => {
  const addresses = new Addresses('127.211.9.0/24')
  assert.equal(await addresses.take('127.211.9.5', []), true)
  assert.equal(await addresses.take('127.211.9.5', []), false)
  assert.equal(await addresses.take('127.212.0.1', []), false)
  assert.equal(await addresses.take('10.0.0.1', []), false)
  assert.equal(await addresses.take('nonsense', []), false)
})
