import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import { writeFields } from './write-fields.ts'

test('what a filter wrote and is no field is left out, also where only its low bytes end a line', () => {
  const headers = new HeaderMap([':status', '200'])
  for (const [name, value] of [
    ['x-a', 'b\r\nx-evil: 1'],
    ['x-b', 'b\u010d\u010ax-evil: 1'],
    ['x-evil: 1\u010d\u010ax-c', 'b'],
    ['x-d', 'f\xc3\xbcr'],
  ])
    headers.add(name, value)
  const target = { buffer: Buffer.alloc(1024), at: 0, need() {} }
  writeFields(headers, new HpackEncoder(4096), target)
  const fields: string[] = []
  new HpackDecoder(4096).decode(target.buffer, 0, target.at, {
    onField: ({ name, value }) => fields.push(`${name.name}: ${value}`),
  })
  assert.deepEqual(fields, [':status: 200', 'x-d: f\xc3\xbcr'])
})
