import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { BodyBuffer } from './body-buffer.ts'
import { ReadSlab } from './read-slab.ts'

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

/** A slab; lost ones come back with the garbage. */
async function takeSlab(): Promise<ReadSlab> {
  for (let i = 0; i < 20; i++) {
    const slab = ReadSlab.take()
    if (slab !== undefined) return slab
    gc()
    await new Promise(setImmediate)
  }
  throw new Error('slabs that nobody has do not come back')
}

const text = (body: BodyBuffer) => Buffer.concat(body.chunks).toString('latin1')

describe('BodyBuffer', () => {
  test('holds what a string would, whatever is done, and nobody else sees it change', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(511, 512, 3000, 5000))
    const op = fc.tuple(
      fc.constantFrom('receive', 'move', 'share', 'drain', 'linearize', 'prepend', 'snapshot'),
      fc.nat(2),
      fc.nat(2),
      size,
    )
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const bodies = [0, 1, 2].map(() => ({ body: new BodyBuffer(), model: '' }))
        const snapshots: { view: Buffer; was: string }[] = []
        let next = 0
        const bytes = (length: number) => Buffer.alloc(length, String.fromCharCode(97 + (next++ % 26)))
        for (const [name, a, b, length] of ops) {
          const one = bodies[a]
          const other = bodies[b]
          if (name === 'receive') {
            const chunk = bytes(length)
            const data = new BodyBuffer()
            data.add(chunk)
            one.body.move(data)
            one.model += chunk.toString('latin1')
          } else if (name === 'move' && one !== other) {
            one.body.move(other.body)
            one.model += other.model
            other.model = ''
          } else if (name === 'share' && one !== other) {
            one.body.share(other.body)
            one.model += other.model
          } else if (name === 'drain') {
            one.body.drain(length)
            one.model = one.model.slice(length)
          } else if (name === 'linearize') assert.equal(one.body.linearize().toString('latin1'), one.model)
          else if (name === 'prepend') {
            const chunk = bytes(length)
            one.body.prepend(chunk)
            one.model = chunk.toString('latin1') + one.model
          } else if (name === 'snapshot')
            for (const view of one.body.chunks) snapshots.push({ view, was: view.toString('latin1') })
        }
        for (const { body, model } of bodies) {
          assert.equal(text(body), model)
          assert.equal(body.length, model.length)
        }
        for (const { view, was } of snapshots) assert.equal(view.toString('latin1'), was)
      }),
    )
  })

  test('gives a slab back when its only holder has copied or written all of it, and never else', async () => {
    const op = fc.tuple(
      fc.constantFrom('read', 'read', 'read', 'move', 'share', 'moveTo', 'write', 'drain'),
      fc.nat(2),
      fc.nat(2),
      fc.nat(9000),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 40 }), async (ops) => {
        const bodies = [0, 1, 2].map(() => new BodyBuffer())
        const target = Buffer.alloc(10_000)
        const writing: { part: Buffer; was: Buffer; written: () => void }[] = []
        const views: { body: BodyBuffer; was: Buffer }[] = []
        let next = 0
        const still = () => {
          for (const { part, was } of writing) assert.ok(part.equals(was))
          for (const { body, was } of views) assert.ok(Buffer.concat(body.chunks).equals(was))
        }
        /** Its content is known to the model from here on. */
        const changed = (...which: BodyBuffer[]) => {
          for (const body of which) {
            const at = views.findIndex((view) => view.body === body)
            if (at !== -1) views.splice(at, 1)
            views.push({ body, was: Buffer.concat(body.chunks) })
          }
        }
        for (const [name, a, b, size] of ops) {
          const one = bodies[a]
          const other = bodies[b]
          if (name === 'read') {
            const slab = await takeSlab()
            slab.buffer.fill(++next, 0, 9000)
            still()
            slab.filled(9000)
            const data = BodyBuffer.of(slab.buffer.subarray(0, size))
            data.sole = true
            one.move(data)
            slab.done(9000 - size)
            changed(one)
          } else if (one === other) continue
          else if (name === 'move') {
            one.move(other)
            changed(one, other)
          } else if (name === 'share') {
            one.share(other)
            changed(one, other)
          } else if (name === 'drain') {
            one.drain(size)
            changed(one)
          } else if (name === 'moveTo') {
            const length = Math.min(size, one.length)
            const was = Buffer.concat(one.chunks).subarray(0, length)
            one.moveTo(target, 7, length)
            assert.ok(target.subarray(7, 7 + length).equals(was))
            changed(one)
          } else {
            for (const part of one.chunks) {
              const slab = one.sole ? ReadSlab.of(part) : undefined
              slab?.writing(part.length)
              writing.push({ part, was: Buffer.from(part), written: slab?.written ?? (() => {}) })
            }
            one.clear()
            changed(one)
            if (size % 2 === 0) writing.splice(0, 2).forEach(({ written }) => void written())
          }
          still()
        }
        // Whatever is free is written over.
        const free: ReadSlab[] = []
        for (let i = 0; i < 16; i++) {
          const slab = await takeSlab()
          slab.buffer.fill(++next, 0, 9000)
          free.push(slab)
        }
        still()
        for (const slab of free) slab.release()
      }),
      // To make a failure smaller takes minutes of collecting garbage.
      { numRuns: 300, endOnFailure: true },
    )
  })

  test('the slab of pieces that are gathered is the next that is taken', async () => {
    const slab = await takeSlab()
    slab.filled(1000)
    const queue = new BodyBuffer()
    for (let at = 0; at < 1000; at += 100) {
      const piece = BodyBuffer.of(slab.buffer.subarray(at, at + 100))
      piece.sole = true
      queue.move(piece)
    }
    assert.ok((await takeSlab()) === slab)
    assert.ok(queue.sole)
  })

  test('the slab of a body that was copied and written in parts is the next that is taken', async () => {
    const slab = await takeSlab()
    slab.filled(1000)
    const body = BodyBuffer.of(slab.buffer.subarray(0, 900))
    body.sole = true
    slab.done(100)
    body.moveTo(Buffer.alloc(400), 0, 400)
    slab.writing(body.length)
    assert.ok((await takeSlab()) !== slab)
    slab.written()
    assert.ok((await takeSlab()) === slab)
  })

  test('a piece that is kept alone does not hold the read that it came in', () => {
    for (const length of [1, 600, 4000]) {
      for (const keep of ['move', 'hold'] as const) {
        const kept = new BodyBuffer()
        kept[keep](BodyBuffer.of(Buffer.alloc(64 * 1024, 'x').subarray(100, 100 + length)))
        assert.equal(text(kept), 'x'.repeat(length))
        assert.ok(kept.chunks[0].buffer.byteLength <= 4096, `${length} bytes that were ${keep}d`)
      }
    }
  })

  const sole = (slab: ReadSlab, start: number, end: number) => {
    const body = BodyBuffer.of(slab.buffer.subarray(start, end))
    body.sole = true
    return body
  }

  test('what two hold neither gives back', async () => {
    const slab = await takeSlab()
    slab.filled(2000)
    const one = sole(slab, 0, 1000)
    const other = new BodyBuffer()
    other.move(sole(slab, 1000, 2000))
    other.share(one)
    one.moveTo(Buffer.alloc(1000), 0, 1000)
    other.moveTo(Buffer.alloc(2000), 0, 2000)
    assert.ok((await takeSlab()) !== slab)
  })

  test('what one of two has, who takes it over does not give back', async () => {
    const slab = await takeSlab()
    slab.filled(2000)
    const theirs = sole(slab, 0, 1000)
    new BodyBuffer().share(theirs)
    const queue = new BodyBuffer()
    queue.move(sole(slab, 1000, 2000))
    queue.move(theirs)
    assert.equal(queue.sole, false)
    queue.move(sole(slab, 0, 0))
    assert.equal(queue.sole, false)
    queue.moveTo(Buffer.alloc(2000), 0, 2000)
    assert.ok((await takeSlab()) !== slab)
  })

  test('what a filter may have seen while it waited is not given back', async () => {
    const slab = await takeSlab()
    slab.filled(1000)
    const waiting = new BodyBuffer()
    waiting.hold(sole(slab, 0, 1000))
    waiting.moveTo(Buffer.alloc(1000), 0, 1000)
    assert.ok((await takeSlab()) !== slab)
  })

  test('a piece of a slab that is kept alone gives it back', async () => {
    const slab = await takeSlab()
    slab.filled(600)
    const piece = BodyBuffer.of(slab.buffer.subarray(0, 600))
    piece.sole = true
    new BodyBuffer().move(piece)
    assert.ok((await takeSlab()) === slab)
  })

  test('bytes that come one by one, each in a large buffer, are not held as buffers', () => {
    const kept = new BodyBuffer()
    const copy = new BodyBuffer()
    for (let i = 0; i < 20_000; i++) {
      const data = new BodyBuffer()
      data.add(Buffer.allocUnsafeSlow(1024).subarray(1, 2))
      copy.share(data)
      kept.move(data)
    }
    for (const body of [kept, copy]) {
      assert.equal(body.length, 20_000)
      let held = 0
      for (const memory of new Set(body.chunks.map(({ buffer }) => buffer))) held += memory.byteLength
      assert.ok(held < 40_000, `${held} bytes are held`)
      assert.ok(body.chunks.length < 40)
    }
  })
})
