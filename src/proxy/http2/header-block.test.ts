import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockKind, HeaderBlock } from './header-block.ts'
import { HpackDecoder } from './hpack/decoder.ts'

const BLOCKS: readonly [what: string, hex: string, ascii: boolean][] = [
  ['values of the static table', '88', true],
  ['a literal', '88000161026162', true],
  ['a literal beyond ASCII', '880001610261e9', false],
  ['one that the table remembers', '88400161026162be', true],
  ['one beyond ASCII that the table remembers', '884001610261e9be', false],
]

for (const [what, hex, ascii] of BLOCKS) {
  test(`a block knows whether it is ASCII: ${what}`, () => {
    const block = new HeaderBlock({ maxBytes: 1000, maxCount: 10 })
    const bytes = Buffer.from(hex, 'hex')
    const decoder = new HpackDecoder(4096)
    for (let i = 0; i < 2; i++) {
      block.begin(BlockKind.Response)
      decoder.decode(bytes, 0, bytes.length, block)
      block.finish()
      assert.equal(block.headers().ascii, ascii)
    }
  })
}
