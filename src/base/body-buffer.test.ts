import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BodyBuffer } from './body-buffer.ts'

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
