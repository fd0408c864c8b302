import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HttpFilterCallbacks } from '../http/filter.ts'
import { eventually } from '../testing.ts'
import { ResponseRate } from './response-rate.ts'

const TEXT = Array.from({ length: 1000 }, (_, n) => String(n % 10)).join('')

function recorder(encoderBufferLimit: number) {
  const said: string[] = []
  const callbacks = {
    encoderBufferLimit,
    injectEncodedData: (data: BodyBuffer, end: boolean) => said.push(`${data.linearize()}${end ? ' end' : ''}`),
    continueEncoding: () => said.push('trailers'),
    pauseUpstream: () => said.push('pause'),
    resumeUpstream: () => said.push('resume'),
  }
  return { said, callbacks: callbacks as unknown as HttpFilterCallbacks }
}

const pieces = (said: readonly string[]) => said.filter((text) => /^\d/.test(text))

test('a body goes on in pieces, whole and in order, and the upstream waits meanwhile', async () => {
  const { said, callbacks } = recorder(200)
  // 204 bytes for each 50 ms.
  const rate = new ResponseRate(callbacks, 4)
  rate.write(BodyBuffer.of(TEXT.slice(0, 600)), false)
  rate.write(BodyBuffer.of(TEXT.slice(600)), true)
  assert.deepEqual(said, ['pause'], 'nothing from within the call, and one pause')
  await eventually(() => said.at(-1)?.endsWith(' end') === true, 'the end')
  const parts = pieces(said)
  assert.equal(parts.join(''), `${TEXT} end`)
  assert.ok(parts.length > 1, `${parts.length} pieces`)
  assert.equal(said.filter((text) => text === 'resume').length, 1)
})

test('trailers wait for the body in front of them, and go by when there is none left', async () => {
  const { said, callbacks } = recorder(10_000)
  const rate = new ResponseRate(callbacks, 4)
  rate.write(BodyBuffer.of(TEXT), false)
  assert.equal(rate.holdsTrailers(), true)
  await eventually(() => said.at(-1) === 'trailers', 'the trailers')
  assert.equal(pieces(said).join(''), TEXT, 'and no end before them')
  assert.equal(new ResponseRate(callbacks, 4).holdsTrailers(), false)
})

test('nothing comes after the end of the stream', async () => {
  const { said, callbacks } = recorder(10_000)
  const rate = new ResponseRate(callbacks, 4)
  rate.write(BodyBuffer.of(TEXT), true)
  rate.close()
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(said, [])
})
