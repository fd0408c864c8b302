import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Cell } from '../../telemetry/metrics.ts'
import type { Found } from './listener-filter.ts'
import { peek } from './peek.ts'

const STATS = { peekTimeout: new Cell(), peerEnded: new Cell() }

test('a client of single bytes does not have all that came copied for each of them', async () => {
  const wanted = 32 * 1024
  const places = new Set<ArrayBufferLike>()
  const look = (bytes: Buffer) => {
    places.add(bytes.buffer)
    return bytes.length < wanted ? ('more' as const) : 0
  }
  const socket = new PassThrough()
  const found = new Promise<Found | undefined>((done) => {
    const options = { listenerFilters: [{ look }], peekTimeoutMs: 0, continueOnPeekTimeout: false }
    peek(socket as unknown as Socket, options, STATS, done)
  })
  for (let i = 0; i < wanted; i++) socket.emit('data', Buffer.of(i & 255))
  assert.notEqual(await found, undefined)
  // The first ones are cut from Node's pool.
  assert.ok(places.size < 40, `${places.size} places`)
  const [back] = await socket.take(1).toArray()
  assert.ok(Buffer.from(back).equals(Buffer.from(Array.from({ length: wanted }, (_, i) => i & 255))))
})

test('what a filter takes away is not put back, and the next one sees what is behind it', async () => {
  const socket = new PassThrough()
  const seen: string[] = []
  const filters = [
    { look: (bytes: Buffer) => (bytes.length < 4 ? ('more' as const) : 3) },
    {
      look(bytes: Buffer) {
        seen.push(bytes.toString())
        return bytes.length < 3 ? ('more' as const) : 0
      },
    },
  ]
  const found = new Promise<Found | undefined>((done) => {
    const options = { listenerFilters: filters, peekTimeoutMs: 0, continueOnPeekTimeout: false }
    peek(socket as unknown as Socket, options, STATS, done)
  })
  for (const piece of ['ab', 'cd', 'e', 'fg']) socket.emit('data', Buffer.from(piece))
  assert.notEqual(await found, undefined)
  assert.deepEqual(seen, ['d', 'de', 'defg'])
  const [back] = await socket.take(1).toArray()
  assert.equal(String(back), 'defg')
})
