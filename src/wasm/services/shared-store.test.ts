import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { STATUS } from '../abi/constants.ts'
import type { SharedStore } from '../host.ts'
import { LocalSharedStore } from './local-shared-store.ts'
import type { SharedLimits } from './shared-limits.ts'
import { createSharedMemory, SharedStoreAcrossThreads } from './shared-memory/store.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const text = (value: Uint8Array | number | undefined) =>
  value instanceof Uint8Array ? Buffer.from(value).toString() : value

const KINDS: Record<string, (limits?: Partial<SharedLimits>) => SharedStore & { close?(): void }> = {
  'one thread': (limits) => new LocalSharedStore(limits),
  'shared memory': (limits) => new SharedStoreAcrossThreads(createSharedMemory(1 << 20), limits),
}

for (const [kind, make] of Object.entries(KINDS)) {
  describe(`shared store, ${kind}`, () => {
    const open: { close?(): void }[] = []
    const store = (limits?: Partial<SharedLimits>) => {
      const made = make(limits)
      open.push(made)
      return made
    }
    after(() => {
      for (const one of open) one.close?.()
    })

    it('gives back what was set, with a cas that changes (spec: proxy_set_shared_data)', () => {
      const s = store()
      assert.equal(s.getData('vm', 'k'), undefined)
      assert.equal(s.setData('vm', 'k', bytes('one'), 0), STATUS.ok)
      const first = s.getData('vm', 'k')
      assert.equal(text(first?.value), 'one')
      assert.ok(first !== undefined && first.cas > 0)
      assert.equal(s.setData('vm', 'k', bytes('two'), first.cas), STATUS.ok)
      assert.equal(s.setData('vm', 'k', bytes('three'), first.cas), STATUS.casMismatch)
      assert.equal(text(s.getData('vm', 'k')?.value), 'two')
      assert.equal(s.setData('vm', 'k', bytes('four'), 0), STATUS.ok)
    })

    it('takes any cas for an absent key and keeps empty values (cpp-host)', () => {
      const s = store()
      assert.equal(s.setData('vm', 'k', bytes(''), 77), STATUS.ok)
      assert.equal(text(s.getData('vm', 'k')?.value), '')
    })

    it('keeps vm_ids apart', () => {
      const s = store()
      s.setData('a', 'k', bytes('A'), 0)
      s.setData('b', 'k', bytes('B'), 0)
      s.setData('', 'k', bytes('none'), 0)
      assert.deepEqual(
        ['a', 'b', '', 'c'].map((id) => text(s.getData(id, 'k')?.value)),
        ['A', 'B', 'none', undefined],
      )
    })

    it('frees a vm_id when its last VM goes', () => {
      const s = store()
      s.retain('vm')
      s.retain('vm')
      s.setData('vm', 'k', bytes('v'), 0)
      const queue = s.registerQueue('vm', 'q', () => {})
      s.enqueue(queue, bytes('item'))
      s.release('vm')
      assert.equal(text(s.getData('vm', 'k')?.value), 'v')
      s.release('vm')
      assert.equal(s.getData('vm', 'k'), undefined)
      assert.equal(s.dequeue(queue), STATUS.notFound)
    })

    it('refuses more than the quotas of a vm_id', () => {
      const s = store({ dataBytes: 100, dataKeys: 2, queues: 1, queueBytes: 10, queueItems: 2 })
      assert.equal(s.setData('vm', 'k', new Uint8Array(100), 0), STATUS.internalFailure)
      assert.equal(s.setData('vm', 'k', new Uint8Array(99), 0), STATUS.ok)
      assert.equal(s.setData('vm', 'k', new Uint8Array(10), 0), STATUS.ok)
      assert.equal(s.setData('vm', 'l', new Uint8Array(10), 0), STATUS.ok)
      assert.equal(s.setData('vm', 'm', new Uint8Array(10), 0), STATUS.internalFailure)
      const queue = s.registerQueue('vm', 'q', () => {})
      assert.equal(
        s.registerQueue('vm', 'r', () => {}),
        -STATUS.internalFailure,
      )
      assert.equal(s.enqueue(queue, new Uint8Array(11)), STATUS.internalFailure)
      assert.equal(s.enqueue(queue, new Uint8Array(5)), STATUS.ok)
      assert.equal(s.enqueue(queue, new Uint8Array(5)), STATUS.ok)
      assert.equal(s.enqueue(queue, new Uint8Array(0)), STATUS.internalFailure)
      s.dequeue(queue)
      assert.equal(s.enqueue(queue, new Uint8Array(5)), STATUS.ok)
    })

    it('queues in order, and tells an empty queue from an unknown one', () => {
      const s = store()
      const queue = s.registerQueue('vm', 'q', () => {})
      assert.equal(
        s.registerQueue('vm', 'q', () => {}),
        queue,
      )
      assert.equal(s.resolveQueue('vm', 'q'), queue)
      assert.equal(s.resolveQueue('vm', 'other'), -STATUS.notFound)
      assert.equal(s.resolveQueue('other', 'q'), -STATUS.notFound)
      for (const item of ['a', 'b', '']) assert.equal(s.enqueue(queue, bytes(item)), STATUS.ok)
      assert.deepEqual(
        [1, 2, 3, 4].map(() => text(s.dequeue(queue))),
        ['a', 'b', '', STATUS.empty],
      )
      assert.equal(s.dequeue(queue + 1), STATUS.notFound)
      assert.equal(s.enqueue(queue + 1, bytes('x')), STATUS.notFound)
    })

    it('tells the latest registrant once per item, after the call', async () => {
      const s = store()
      const told: string[] = []
      s.registerQueue('vm', 'q', () => told.push('first'))
      const queue = s.registerQueue('vm', 'q', () => told.push('second'))
      s.enqueue(queue, bytes('a'))
      s.enqueue(queue, bytes('b'))
      assert.deepEqual(told, [])
      for (let i = 0; i < 200 && told.length < 2; i++) await sleep(5)
      assert.deepEqual(told, ['second', 'second'])
    })
  })
}

describe('shared store across threads', () => {
  it('gets all memory back after a storm of sizes', () => {
    const s = new SharedStoreAcrossThreads(createSharedMemory(1 << 20), { dataBytes: 1 << 19, dataKeys: 100 })
    for (let round = 0; round < 3; round++) {
      s.retain('vm')
      for (let i = 0; i < 2000; i++) s.setData('vm', `key ${i % 90}`, new Uint8Array((i * 37) % 3000), 0)
      s.release('vm')
    }
    s.retain('vm')
    // Half the arena in one piece is only there when all blocks have joined again.
    assert.equal(s.setData('vm', 'big', new Uint8Array((1 << 19) - 1000), 0), STATUS.ok)
    s.close()
  })

  it('adds up cas increments of four threads without losing one', async () => {
    const memory = createSharedMemory(1 << 20)
    const source = `
      import { parentPort, workerData } from 'node:worker_threads'
      const { SharedStoreAcrossThreads } = await import(workerData.url)
      const store = new SharedStoreAcrossThreads(workerData.memory)
      for (let i = 0; i < 500; ) {
        const found = store.getData('vm', 'count')
        const next = Uint8Array.from(Buffer.from(String(found === undefined ? 1 : Number(Buffer.from(found.value).toString()) + 1)))
        if (store.setData('vm', 'count', next, found === undefined ? 0 : found.cas) === 0) i++
      }
      store.close()`
    const url = new URL('./shared-memory/store.ts', import.meta.url).href
    const main = new SharedStoreAcrossThreads(memory)
    main.setData('vm', 'count', bytes('0'), 0)
    const done = [1, 2, 3, 4].map(
      () =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
            workerData: { memory, url },
          })
          worker.on('error', reject)
          worker.on('exit', () => resolve())
        }),
    )
    await Promise.all(done)
    assert.equal(text(main.getData('vm', 'count')?.value), '2000')
    main.close()
  })

  it('tells a registrant on another thread', async () => {
    const memory = createSharedMemory(1 << 20)
    const here = new SharedStoreAcrossThreads(memory)
    const there = new SharedStoreAcrossThreads(memory)
    let told = 0
    const queue = there.registerQueue('vm', 'q', () => told++)
    here.enqueue(queue, bytes('a'))
    here.enqueue(queue, bytes('b'))
    for (let i = 0; i < 100 && told < 2; i++) await sleep(10)
    assert.equal(told, 2)
    here.close()
    there.close()
  })

  it('tells nobody who has closed', async () => {
    const memory = createSharedMemory(1 << 20)
    const [here, there, beside] = [0, 1, 2].map(() => new SharedStoreAcrossThreads(memory))
    const told: string[] = []
    const queue = here.registerQueue('vm', 'q', () => told.push('closed'))
    const other = beside.registerQueue('vm', 'r', () => told.push('open'))
    here.close()
    there.enqueue(queue, bytes('a'))
    there.enqueue(other, bytes('a'))
    for (let i = 0; i < 500 && told.length === 0; i++) await sleep(10)
    await sleep(10)
    assert.deepEqual(told, ['open'])
    there.close()
    beside.close()
  })

  it('tells a thread that sleeps, each time, and has Node load nothing for it', async () => {
    const memory = createSharedMemory(1 << 20)
    const url = new URL('./shared-memory/store.ts', import.meta.url).href
    const source = `
      import { workerData } from 'node:worker_threads'
      const { SharedStoreAcrossThreads } = await import(workerData.url)
      const store = new SharedStoreAcrossThreads(workerData.memory)
      const awake = setInterval(() => {}, 1e6)
      const ask = store.registerQueue('vm', 'ask', () => {
        const item = store.dequeue(ask)
        store.enqueue(store.resolveQueue('vm', 'answer'), item)
        if (item.length === 0) clearInterval(awake)
      })
      store.enqueue(store.resolveQueue('vm', 'answer'), Buffer.from('ready'))
      process.on('exit', () => {
        if (process.moduleLoadList.some((name) => name.includes('undici'))) process.exitCode = 9
      })
    `
    const main = new SharedStoreAcrossThreads(memory)
    const answers: string[] = []
    let wake = () => {}
    const answer = main.registerQueue('vm', 'answer', () => {
      answers.push(String(text(main.dequeue(answer))))
      wake()
    })
    const next = () =>
      new Promise<void>((resolve) => {
        wake = resolve
      })
    const ready = next()
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { memory, url },
    })
    const exit = once(worker, 'exit')
    await ready
    const ask = main.resolveQueue('vm', 'ask')
    for (let i = 0; i < 2000; i++) {
      const answered = next()
      main.enqueue(ask, bytes(`item ${i}`))
      await answered
    }
    main.enqueue(ask, new Uint8Array(0))
    assert.deepEqual(await exit, [0])
    assert.equal(answers[2000], 'item 1999')
    main.close()
  })

  it('lets a thread that waits be ended', async () => {
    const memory = createSharedMemory(1 << 20)
    const url = new URL('./shared-memory/store.ts', import.meta.url).href
    const source = `
      import { workerData } from 'node:worker_threads'
      const { SharedStoreAcrossThreads } = await import(workerData.url)
      const store = new SharedStoreAcrossThreads(workerData.memory)
      store.registerQueue('vm', 'q', () => {})
      setInterval(() => {}, 1e6)
      store.setData('vm', 'there', new Uint8Array(1), 0)
    `
    const main = new SharedStoreAcrossThreads(memory)
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { memory, url },
    })
    for (let i = 0; i < 500 && main.getData('vm', 'there') === undefined; i++) await sleep(10)
    await worker.terminate()
    const queue = main.resolveQueue('vm', 'q')
    assert.equal(main.enqueue(queue, bytes('a')), STATUS.ok)
    main.close()
  })
})
