/** Whoever sees a body may keep it: then its read memory is not used again (`BodyBuffer.sole`). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { AsyncStream } from '../cluster/async-client.ts'
import { Mirror } from '../filters/router/mirror.ts'
import { decodeData } from './decode.ts'
import { encodeData } from './encode.ts'
import { FilterDataStatus } from './filter-status.ts'
import { Iteration } from './iteration.ts'
import type { HttpStream } from './stream.ts'

const body = () => {
  const data = BodyBuffer.of('body')
  data.sole = true
  return data
}
const sees = { decodeData: () => FilterDataStatus.Continue, encodeData: () => FilterDataStatus.Continue }
const stops = {
  decodeData: () => FilterDataStatus.StopIterationNoBuffer,
  encodeData: () => FilterDataStatus.StopIterationNoBuffer,
}

function stream(...filters: object[]): HttpStream {
  const direction = () => ({ iteration: Iteration.Running, endStream: false })
  return {
    filters: filters.map((filter) => ({ filter, decode: direction(), encode: direction() })),
    calls: 0,
    afterCall: () => false,
    sendData() {},
  } as unknown as HttpStream
}

describe('a body has one holder', () => {
  const router = { decodeData: () => FilterDataStatus.Continue }
  for (const [what, filters, sole] of [
    ['behind filters that see no body', [{}, {}, router], true],
    ['no more when a filter has seen it', [{}, sees, router], false],
    ['no more when a filter has taken it', [stops, router], false],
  ] as const) {
    test(what, () => {
      const up = body()
      decodeData(stream(...filters), 0, up, false)
      assert.equal(up.sole, sole)
      const down = body()
      encodeData(stream(...filters), filters.length - 1, down, false)
      assert.equal(down.sole, sole)
    })
  }

  test('no more when it is mirrored', () => {
    let mirrored: BodyBuffer | undefined
    const target = {
      sendHeaders() {},
      sendData: (data: BodyBuffer) => {
        mirrored = data
      },
    }
    const data = body()
    const mirror = new Mirror({} as HttpStream)
    mirror.start(target as unknown as AsyncStream, new HeaderMap(), false)
    mirror.data(data, false)
    assert.equal(data.sole, false)
    assert.equal(mirrored?.sole, false)
  })
})
