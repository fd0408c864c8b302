import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HpackDecoder } from './decoder.ts'
import type { Field } from './decoder-table.ts'
import { type BlockTarget, HpackEncoder } from './encoder.ts'
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts'

type Pair = readonly [name: string, value: string]

class Collector {
  pairs: Pair[] = []
  never: string[] = []
  invalid: string[] = []
  onField({ name, value, valid }: Field, neverIndexed: boolean): void {
    this.pairs.push([name.name, value])
    if (neverIndexed) this.never.push(name.name)
    if (!valid || !name.valid) this.invalid.push(name.name)
  }
}

function decode(decoder: HpackDecoder, hex: string | Buffer): Pair[] {
  const bytes = typeof hex === 'string' ? Buffer.from(hex.replaceAll(' ', ''), 'hex') : hex
  const sink = new Collector()
  // In the middle of other bytes, as in a frame.
  decoder.decode(Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]), 3, 3 + bytes.length, sink)
  return sink.pairs
}

class Target implements BlockTarget {
  buffer = Buffer.alloc(16)
  at = 0
  need(size: number): void {
    if (this.at + size > this.buffer.length) this.buffer = Buffer.concat([this.buffer, Buffer.alloc(size)])
  }
  take(): Buffer {
    const block = Buffer.from(this.buffer.subarray(0, this.at))
    this.at = 0
    return block
  }
}

function encode(encoder: HpackEncoder, pairs: readonly Pair[], target = new Target()): Buffer {
  encoder.begin(target)
  for (const [name, value] of pairs) encoder.field(encoder.slot(name), value, false, target)
  return target.take()
}

const REQUESTS: readonly (readonly Pair[])[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
]

const date = (second: number): Pair => ['date', `Mon, 21 Oct 2013 20:13:2${second} GMT`]
const RESPONSES: readonly (readonly Pair[])[] = [
  [[':status', '302'], ['cache-control', 'private'], date(1), ['location', 'https://www.example.com']],
  [[':status', '307'], ['cache-control', 'private'], date(1), ['location', 'https://www.example.com']],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    date(2),
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
]

/** RFC 7541 appendix C. */
const VECTORS: readonly {
  readonly id: string
  readonly update?: string
  readonly blocks: readonly string[]
  readonly pairs: readonly (readonly Pair[])[]
}[] = [
  {
    id: 'C.2.1',
    blocks: ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
    pairs: [[['custom-key', 'custom-header']]],
  },
  { id: 'C.2.2', blocks: ['040c 2f73 616d 706c 652f 7061 7468'], pairs: [[[':path', '/sample/path']]] },
  { id: 'C.2.3', blocks: ['1008 7061 7373 776f 7264 0673 6563 7265 74'], pairs: [[['password', 'secret']]] },
  { id: 'C.2.4', blocks: ['82'], pairs: [[[':method', 'GET']]] },
  {
    id: 'C.3',
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    pairs: REQUESTS,
  },
  {
    id: 'C.4',
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    pairs: REQUESTS,
  },
  {
    id: 'C.5',
    update: '3fe101',
    blocks: [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ],
    pairs: RESPONSES,
  },
  {
    id: 'C.6',
    update: '3fe101',
    blocks: [
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
    pairs: RESPONSES,
  },
]

describe('HPACK decoding (RFC 7541 appendix C)', () => {
  for (const { id, update, blocks, pairs } of VECTORS) {
    test(id, () => {
      const decoder = new HpackDecoder(4096)
      if (update !== undefined) decode(decoder, update)
      for (const [i, block] of blocks.entries()) assert.deepEqual(decode(decoder, block), pairs[i])
    })
  }

  test('C.2.3: a field that is never indexed is told so', () => {
    const sink = new Collector()
    const bytes = Buffer.from('100870617373776f726406736563726574', 'hex')
    new HpackDecoder(4096).decode(bytes, 0, bytes.length, sink)
    assert.deepEqual(sink.never, ['password'])
  })
})

const REFUSED: readonly { readonly id: string; readonly block: string }[] = [
  { id: '6.1: index 0', block: '80' },
  { id: '2.3.3: index behind both tables', block: 'be' },
  { id: '2.3.3: name index behind both tables', block: '7f00 00' },
  { id: '5.1: integer without an end', block: 'ffff' },
  { id: '5.1: integer too large', block: 'ffff ffff ffff 7f' },
  { id: '5.1: integer with endless zeros', block: 'ff80 8080 8080 8080 00' },
  { id: '5.2: string longer than its block', block: '4005 6162' },
  { id: '5.2: no string', block: '40' },
  { id: '5.2: no value', block: '4001 61' },
  { id: '5.2: padding longer than 7 bits', block: '4001 6182 1fff' },
  { id: '5.2: padding of zeros', block: '4001 6181 18' },
  { id: '5.2: EOS in a string', block: '4001 6184 ffff ffff' },
  { id: '4.2: size update inside a block', block: '8220' },
  { id: '4.2: size above the limit', block: '3fe2 1f' },
]

describe('HPACK refuses', () => {
  for (const { id, block } of REFUSED) {
    test(id, () => assert.throws(() => decode(new HpackDecoder(4096), block), { name: 'Http2Error', code: 9 }))
  }

  test('4.2: a smaller table that is not confirmed', () => {
    const decoder = new HpackDecoder(100)
    assert.equal(decode(decoder, '82').length, 1)
    decoder.settled(100)
    assert.throws(() => decode(decoder, '82'), { code: 9 })
    const confirmed = new HpackDecoder(100)
    confirmed.settled(100)
    assert.equal(decode(confirmed, '3f45 82').length, 1)
  })
})

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
const name = fc.oneof(fc.constantFrom(':path', 'cookie', 'server', 'x-a', 'x-b'), fc.stringMatching(/^[a-z]{1,9}$/))
const pairs = fc.array(fc.tuple(name, fc.oneof(latin1, fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x'.repeat(500)))))

describe('HPACK round trips', () => {
  test('Huffman: every string comes back, in as many bytes as were announced', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        const coded = Buffer.alloc(text.length * 4 + 8)
        const size = huffmanEncode(text, coded, 0)
        assert.equal(size, huffmanLength(text))
        const target = Buffer.alloc(coded.length * 2)
        assert.equal(target.latin1Slice(0, huffmanDecode(coded, 0, size, target)), text)
      }),
    )
  })

  test('blocks come back whatever the table sizes are and become', () => {
    const step = fc.record({ pairs, size: fc.option(fc.nat(400), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(8192), (steps, own) => {
        const encoder = new HpackEncoder(own)
        const decoder = new HpackDecoder(4096)
        for (const { pairs, size } of steps) {
          if (size !== undefined) encoder.peerLimit(size)
          assert.deepEqual(decode(decoder, encode(encoder, pairs)), pairs)
        }
      }),
    )
  })

  test('what repeats becomes one byte, secrets never', () => {
    const encoder = new HpackEncoder(4096)
    const repeated: Pair[] = [['x-a', 'value']]
    const sizes = [1, 2, 3].map(() => encode(encoder, repeated).length)
    assert.equal(sizes[2], 1)
    const secret: Pair[] = [['authorization', 'Bearer abc']]
    const [first, second] = [1, 2].map(() => encode(encoder, secret))
    assert.deepEqual(first, second)
    assert.equal(first[0] & 0xf0, 0x10)
  })

  test('the encoder remembers no value that is too large for its table', () => {
    const encoder = new HpackEncoder(4096)
    const target = { buffer: Buffer.alloc(100_000), at: 0, need() {} }
    for (const value of ['a'.repeat(50_000), 'b', 'b', 'b']) encoder.field(encoder.slot('x-a'), value, false, target)
    assert.deepEqual([encoder.slot('x-a').seen, encoder.slot('x-a').values], ['b', ['b']])
    encoder.field(encoder.slot('x-b'), 'a'.repeat(50_000), false, target)
    assert.equal(encoder.slot('x-b').seen, '')
  })
})
