import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { create } from '@bufbuild/protobuf'
import { TokenBucketSchema } from '../../../gen/envoy/type/v3/token_bucket_pb.ts'
import { SharedCells, sharedMemoryForCells } from '../shared-cells.ts'
import { TokenBucket, TokenBucketSettings } from './token-bucket.ts'

const settings = (maxTokens: number, tokensPerFill: number, seconds: bigint, nanos = 0) =>
  new TokenBucketSettings(
    create(TokenBucketSchema, { maxTokens, tokensPerFill, fillInterval: { seconds, nanos } }),
    'bucket',
  )
const bucket = (max: number, perFill = max) => new TokenBucket(settings(max, perFill, 3600n), new BigInt64Array(1))

describe('TokenBucket', () => {
  test('has as many tokens as it holds, and takes all that are asked for or none', () => {
    const one = bucket(5)
    assert.ok(one.take(3))
    assert.equal(one.remaining, 2)
    assert.equal(one.take(3), false)
    assert.ok(one.take(2))
    assert.equal(one.take(1), false)
    assert.equal(one.remaining, 0)
    assert.equal(one.resetSeconds, 720)
  })

  test('takes back no more than it holds', () => {
    const one = bucket(3)
    assert.ok(one.take(1))
    assert.ok(one.take(-2))
    assert.equal(one.remaining, 3)
    assert.equal(one.resetSeconds, 0)
  })

  test('fills steadily', () => {
    const cell = new BigInt64Array(1)
    const one = new TokenBucket(settings(10, 2, 1n), cell)
    cell[0] = process.hrtime.bigint() - 1_600_000_000n
    assert.equal(one.remaining, 3)
  })

  test('holds also what takes centuries to come back', () => {
    const one = new TokenBucket(settings(4_000_000_000, 1, 1_000_000n), new BigInt64Array(1))
    assert.ok(one.take(1))
    assert.equal(one.remaining, 3_999_999_999)
    assert.ok(one.take(3_999_999_999))
    assert.equal(one.take(1), false)
  })

  test('is one bucket for all threads', async () => {
    const memory = sharedMemoryForCells()
    const source = `
      import { parentPort, workerData } from 'node:worker_threads'
      const { SharedCells } = await import(workerData.cells)
      const { TokenBucket } = await import(workerData.bucket)
      const bucket = new TokenBucket({ max: 20000, nsPerToken: 1e14 }, new SharedCells(workerData.memory).take())
      let taken = 0
      while (bucket.take(1)) taken++
      parentPort.postMessage(taken)`
    const workerData = {
      memory,
      cells: new URL('../shared-cells.ts', import.meta.url).href,
      bucket: new URL('./token-bucket.ts', import.meta.url).href,
    }
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
    const workers = [0, 1].map(() => new Worker(url, { workerData }))
    const taken = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as number))
    assert.equal(taken[0] + taken[1], 20000)
  })

  for (const [max, perFill, seconds, nanos, error] of [
    [1, 1, 0n, 49_000_000, /bucket\.fill_interval: must be at least 50ms/],
    [1, 0, 1n, 0, /bucket\.tokens_per_fill: must be greater than 0/],
  ] as const)
    test(String(error), () => assert.throws(() => settings(max, perFill, seconds, nanos), error))
})

describe('SharedCells', () => {
  test('the same place is the same number, for whoever asks in the same order', () => {
    const memory = sharedMemoryForCells()
    const [a, b] = [new SharedCells(memory), new SharedCells(memory)]
    const first = Array.from({ length: 1000 }, () => a.take() as BigInt64Array)
    for (const [i, cell] of first.entries()) cell[0] = BigInt(i)
    for (let i = 0; i < 1000; i++) assert.equal(b.take()?.[0], BigInt(i))
  })

  test('ends', () => {
    const cells = new SharedCells()
    let count = 0
    while (cells.take() !== undefined) count++
    assert.equal(count, 131072)
  })
})
