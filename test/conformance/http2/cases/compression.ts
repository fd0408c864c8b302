/** Header compression: RFC 7541. */
import { answer, type Case, connectionError, rows } from '../case.ts'
import { headers, Setting, settings } from '../frames.ts'
import { block, huffman, indexed, integer, literal, tableSize } from '../hpack.ts'
import { GET, get } from './requests.ts'

const COMPRESSION = connectionError('COMPRESSION_ERROR')
/** A good request, then these bytes. */
const after = (...parts: Buffer[]) => [headers(1, Buffer.concat([block(GET), ...parts]))]
const hex = (text: string) => Buffer.from(text, 'hex')
/** Without content-length, expect, host and transfer-encoding, whose empty values mean something. */
const STATIC = Array.from({ length: 47 }, (_, i) => 15 + i).filter((index) => ![28, 35, 38, 57].includes(index))

export const compression: readonly Case[] = rows('hpack', [
  ['2.3.3/1', '7541 2.3.3', 'an index behind both tables', after(indexed(70)), COMPRESSION],
  ['2.3.3/2', '7541 2.3.3', 'the name of an entry behind both tables', after(literal('add', 70, 'x')), COMPRESSION],
  ['2.3.3/3', '7541 2.3.3', 'the first index of an empty dynamic table', after(indexed(62)), COMPRESSION],
  [
    '2.3.3/4',
    '7541 2.3.3',
    'an entry that was evicted',
    after(literal('add', 'x', 'y'), tableSize(0), indexed(62)),
    COMPRESSION,
  ],
  ['2.3.3/5', '7541 2.3.3', 'the name of an entry that was evicted', after(literal('plain', 62, 'x')), COMPRESSION],
  [
    '2.3.3/6',
    '7541 2.3.3',
    'an entry emptied by one that is too large',
    after(literal('add', 'x', 'y'), literal('add', 'x', 'y'.repeat(5000)), indexed(62)),
    COMPRESSION,
  ],
  [
    '4.1/1',
    '7541 4.1',
    'a table holds 32 bytes more for each entry',
    [headers(1, Buffer.concat([tableSize(34), block(GET), literal('add', 'x', 'y'), indexed(62)]))],
    answer(1, 200),
  ],
  [
    '4.1/2',
    '7541 4.1',
    'an entry one byte too large for its table',
    [headers(1, Buffer.concat([tableSize(33), block(GET), literal('add', 'x', 'y'), indexed(62)]))],
    COMPRESSION,
  ],
  ['4.2/1', '7541 4.2', 'a table size behind a field', after(tableSize(1)), COMPRESSION],
  ['4.2/2', '7541 4.2', 'a table size between fields', after(tableSize(1), literal('plain', 'x', 'y')), COMPRESSION],
  [
    '4.2/3',
    '7541 4.2',
    'a smaller table and a larger one again',
    [headers(1, Buffer.concat([tableSize(0), tableSize(4096), block(GET), literal('add', 'x', 'y'), indexed(62)]))],
    answer(1, 200),
  ],
  [
    '4.3/1',
    '7541 4.3',
    'a smaller table evicts what no longer fits',
    [...after(literal('add', 'x', 'y')), headers(3, Buffer.concat([tableSize(0), block(GET), indexed(62)]))],
    COMPRESSION,
  ],
  [
    '4.3/2',
    '7541 4.3',
    'entries that fit the smaller table stay',
    [...after(literal('add', 'x', 'y')), headers(3, Buffer.concat([tableSize(64), block(GET), indexed(62)]))],
    answer(3, 200),
  ],
  ['5.1/1', '7541 5.1', 'an index beyond 32 bits', after(hex('ffffffffffff7f')), COMPRESSION],
  [
    '5.1/2',
    '7541 5.1',
    'an integer of endless length',
    after(Buffer.concat([hex('ff'), Buffer.alloc(64, 0x80), hex('00')])),
    COMPRESSION,
  ],
  ['5.1/3', '7541 5.1', 'a length beyond 32 bits', after(hex('00017fffffffffff0f')), COMPRESSION],
  ['5.1/4', '7541 5.1', 'an integer that is cut off', after(hex('ff80')), COMPRESSION],
  ['5.1/5', '7541 5.1', 'a prefix that is cut off', after(hex('ff')), COMPRESSION],
  [
    '5.2/1',
    '7541 5.2',
    'Huffman padding of more than 7 bits',
    after(literal('plain', 'x-test', huffman('1fffff'))),
    COMPRESSION,
  ],
  ['5.2/2', '7541 5.2', 'Huffman padding of zeros', after(literal('plain', 'x-test', huffman('18'))), COMPRESSION],
  ['5.2/3', '7541 5.2', 'the EOS symbol', after(literal('plain', 'x-test', huffman('ffffffff'))), COMPRESSION],
  [
    '5.2/4',
    '7541 5.2',
    'Huffman padding of a whole byte',
    after(literal('plain', 'x-test', huffman('1fff'))),
    COMPRESSION,
  ],
  [
    '5.2/5',
    '7541 5.2',
    'a name longer than the block',
    after(Buffer.concat([hex('00'), integer(100, 7), hex('61')])),
    COMPRESSION,
  ],
  [
    '5.2/6',
    '7541 5.2',
    'a value longer than the block',
    after(Buffer.concat([hex('000161'), integer(100, 7), hex('61')])),
    COMPRESSION,
  ],
  ['5.2/7', '7541 5.2', 'a literal without a value', after(hex('000161')), COMPRESSION],
  ['5.2/8', '7541 5.2', 'an empty Huffman-coded value', after(literal('plain', 'x-test', huffman(''))), answer(1, 200)],
  ['6.1/1', '7541 6.1', 'index 0', after(indexed(0)), COMPRESSION],
  [
    '6.3/1',
    '7541 6.3',
    'a table larger than the server allows',
    [headers(1, Buffer.concat([tableSize(2 ** 20), block(GET)]))],
    COMPRESSION,
  ],
  [
    '6.3/2',
    '7541 6.3',
    'a table of just what the server allows',
    [headers(1, Buffer.concat([tableSize(4096), block(GET)]))],
    answer(1, 200),
  ],
  [
    '6.3/3',
    '7541 6.3',
    'a table one byte larger than the server allows',
    [headers(1, Buffer.concat([tableSize(4097), block(GET)]))],
    COMPRESSION,
  ],
  [
    '6.3/4',
    '9113 4.3.1',
    'our table of size 0 and back again',
    [settings([[Setting.HEADER_TABLE_SIZE, 0]]), settings([[Setting.HEADER_TABLE_SIZE, 4096]]), get(1)],
    answer(1, 200),
  ],
  ['A/1', '7541 A', 'the entries of the static table by their index', after(...STATIC.map(indexed)), answer(1, 200)],
])
