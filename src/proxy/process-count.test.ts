import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { CountMemories } from './main/count-memories.ts'
import { CountPlace, forgetThread, memoryForCounts, ProcessCount } from './process-count.ts'

test('threads never have more than the limit together, and a dead one has nothing', async () => {
  const memory = memoryForCounts(3)
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.file).then(({ CountPlace, ProcessCount }) => {
      const count = new ProcessCount(new CountPlace(workerData.memory, workerData.thread), 5)
      let most = 0
      for (let i = 0; i < 200_000; i++) {
        if (!count.take(2)) continue
        most = Math.max(most, count.value)
        count.free()
      }
      count.add()
      parentPort.postMessage(most)
    })`
  const file = new URL('./process-count.ts', import.meta.url).href
  const most = await Promise.all(
    [0, 1, 2].map(async (thread) => {
      const worker = new Worker(script, { eval: true, workerData: { memory, thread, file } })
      const exit = once(worker, 'exit')
      const [seen] = await once(worker, 'message')
      await exit
      return seen as number
    }),
  )
  assert.ok(
    most.every((seen) => seen <= 3),
    `${most}`,
  )
  const count = new ProcessCount(new CountPlace(memory, 0), 5)
  assert.equal(count.value, 3, 'what each has added at its end')
  assert.equal(new ProcessCount(new CountPlace(memory, 0), 4).value, 0)
  forgetThread(memory, 1)
  assert.equal(count.value, 2)
  forgetThread(memory, 1)
  assert.equal(count.value, 2)
  assert.equal(count.take(2), false)
  count.free()
  assert.equal(count.take(2), true)
})

test('a thread that is alone counts for itself', () => {
  const count = new ProcessCount()
  assert.deepEqual([count.take(1), count.take(1), count.value], [true, false, 1])
  count.add()
  assert.equal(count.value, 2)
  count.free()
  count.free()
  assert.deepEqual([count.take(1), count.value], [true, 1])
})

test('memory has one owner for each name, and none where there is one thread', () => {
  assert.equal(new CountMemories(1).make(), undefined)
  const memories = new CountMemories(2)
  const [a, b] = [memories.make(), memories.make()]
  assert.ok(a !== undefined && b !== undefined && a !== b)
  assert.equal(memories.named('web'), memories.named('web'))
  for (const memory of [a, b]) new ProcessCount(new CountPlace(memory, 1)).add()
  memories.forget(1)
  assert.deepEqual(
    [a, b].map((memory) => new ProcessCount(new CountPlace(memory, 0)).value),
    [0, 0],
  )
})
