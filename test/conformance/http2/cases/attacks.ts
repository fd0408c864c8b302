/** What costs a server more than a client: the connection ends, or the cost is bounded. */
import {
  answer,
  type Case,
  connectionError,
  type Expectation,
  either,
  ignored,
  rows,
  streamError,
  that,
} from '../case.ts'
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  openHeaders,
  PADDED,
  ping,
  priority,
  rst,
  Setting,
  settings,
  Type,
  windowUpdate,
} from '../frames.ts'
import { block, type Field, indexed, literal } from '../hpack.ts'
import type { Seen } from '../seen.ts'
import { end, fields, GET, get, HELD, longValue, post } from './requests.ts'

const many = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))
const CALM = connectionError('ENHANCE_YOUR_CALM', 'PROTOCOL_ERROR', 'INTERNAL_ERROR')
/** 431, or the stream's or the connection's end. */
const TOO_LARGE: Expectation = {
  text: 'headers too large',
  asks: false,
  outcome: (seen) =>
    [...seen.statuses.values()].flat().includes('431')
      ? 'refused'
      : streamError('ENHANCE_YOUR_CALM', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'CANCEL', 'REFUSED_STREAM').outcome(seen),
}
/** Cheap enough that it may also be borne. */
const BORNE = either(CALM, ignored)
const stream = (i: number) => 1 + 2 * i
const bomb = (times: number) =>
  Buffer.concat([
    block(GET),
    literal('add', 'x-bomb', longValue(4000)),
    ...Array.from({ length: times }, () => indexed(62)),
  ])
const received =
  (bytes: number) =>
  ({ data }: Seen) =>
    (data.get(1) ?? []).reduce((sum, length) => sum + length, 0) >= bytes
const crumbs = (count: number): Field[] => Array.from({ length: count }, () => ['cookie', 'a=b'])
const deaf = { deaf: true }

export const attacks: readonly Case[] = rows('attack', [
  [
    'continuation/1',
    '6.10',
    'CONTINUATIONs without an end',
    [openHeaders(1, GET), many(4000, () => continuation(1, [['x', longValue(1000)]], 0))],
    TOO_LARGE,
  ],
  [
    'continuation/2',
    '6.10',
    'empty CONTINUATIONs without an end',
    [openHeaders(1, GET), many(20_000, () => continuation(1, Buffer.alloc(0), 0))],
    CALM,
  ],
  [
    'continuation/3',
    '6.10',
    'a field that never ends',
    [
      openHeaders(1, Buffer.concat([block(GET), Buffer.from('007fffff0f', 'hex')])),
      many(300, () => continuation(1, Buffer.alloc(16384, 0x61), 0)),
    ],
    either(TOO_LARGE, connectionError('COMPRESSION_ERROR')),
  ],
  [
    'headers/1',
    '10.5.1',
    'one field of 70 KB',
    [
      openHeaders(1, GET),
      continuation(1, literal('plain', 'x', longValue(70_000)).subarray(0, 16384), 0),
      ...[1, 2, 3, 4].map((i) =>
        continuation(
          1,
          literal('plain', 'x', longValue(70_000)).subarray(i * 16384, (i + 1) * 16384),
          i === 4 ? END_HEADERS : 0,
        ),
      ),
    ],
    TOO_LARGE,
  ],
  [
    'headers/2',
    '10.5.1',
    'fields of 100 KB together',
    [
      openHeaders(1, GET),
      ...Array.from({ length: 10 }, (_, i) => continuation(1, [['x', longValue(10_000)]], i === 9 ? END_HEADERS : 0)),
    ],
    TOO_LARGE,
  ],
  [
    'headers/3',
    '10.5.1',
    '1,000 small fields',
    [headers(1, [...GET, ...Array.from({ length: 1000 }, (_, i): Field => [`x-${i}`, 'y'])])],
    TOO_LARGE,
  ],
  [
    'headers/4',
    '8.2.3',
    '5,000 crumbs of cookies',
    [
      openHeaders(1, GET),
      continuation(1, crumbs(1000), 0),
      continuation(1, crumbs(1000), 0),
      continuation(1, crumbs(1000)),
    ],
    TOO_LARGE,
  ],
  [
    'headers/5',
    '10.5.1',
    'trailers of 100 KB',
    [
      post(1),
      data(1, 'a'),
      openHeaders(1, [['x', longValue(10_000)]]),
      ...Array.from({ length: 9 }, (_, i) => continuation(1, [['x', longValue(10_000)]], i === 8 ? END_HEADERS : 0)),
    ],
    TOO_LARGE,
  ],
  ['hpack/1', '7541 7.3', 'an entry of 4 KB, 10,000 times', [headers(1, bomb(10_000))], TOO_LARGE],
  [
    'hpack/2',
    '7541 7.3',
    'the same on 50 streams',
    [
      many(50, (i) =>
        headers(
          stream(i),
          i === 0 ? bomb(1000) : Buffer.concat([block(GET), ...Array.from({ length: 1000 }, () => indexed(62))]),
        ),
      ),
    ],
    TOO_LARGE,
  ],
  [
    'hpack/3',
    '7541 7.3',
    'fields of empty names and values',
    [headers(1, Buffer.concat([block(GET), ...Array.from({ length: 5000 }, () => Buffer.from([0, 0, 0]))]))],
    either(TOO_LARGE, streamError('PROTOCOL_ERROR')),
  ],
  [
    'reset/1',
    '10.5',
    'rapid reset',
    [many(10_000, (i) => Buffer.concat([headers(stream(i), HELD), rst(stream(i), 8)]))],
    CALM,
  ],
  [
    'reset/2',
    '10.5',
    'streams that the server is made to reset',
    [many(5000, (i) => Buffer.concat([headers(stream(i), HELD), windowUpdate(stream(i), 0)]))],
    CALM,
  ],
  [
    'reset/3',
    '10.5',
    'streams reset by their own bad headers',
    [many(5000, (i) => headers(stream(i), [...HELD, ['Bad', 'x']]))],
    CALM,
  ],
  ['flood/1', '10.5', 'PING, nothing read', [many(100_000, () => ping()), 300], CALM, deaf],
  ['flood/2', '10.5', 'SETTINGS, nothing read', [many(100_000, () => settings([])), 300], CALM, deaf],
  [
    'flood/3',
    '10.5',
    'PING, all answers read',
    [many(5000, () => ping())],
    either(
      CALM,
      that('5,000 answers', 'ignored', ({ pongs }) => pongs.length >= 5000),
    ),
  ],
  [
    'flood/4',
    '10.5',
    'SETTINGS of many values',
    [many(2000, () => settings(Array.from({ length: 500 }, () => [Setting.INITIAL_WINDOW_SIZE, 100])))],
    BORNE,
  ],
  ['flood/5', '10.5', 'PRIORITY', [many(50_000, (i) => frame(Type.PRIORITY, 0, stream(i), priority(0)))], BORNE],
  ['flood/6', '10.5', 'WINDOW_UPDATE of the connection', [many(50_000, () => windowUpdate(0, 1))], BORNE],
  ['flood/7', '10.5', 'WINDOW_UPDATE of a stream', [headers(1, HELD), many(50_000, () => windowUpdate(1, 1))], BORNE],
  ['flood/8', '10.5', 'empty DATA', [post(1), many(20_000, () => data(1, ''))], CALM],
  [
    'flood/9',
    '10.5',
    'DATA of nothing but padding',
    [post(1), many(5000, () => frame(Type.DATA, PADDED, 1, '\0'))],
    BORNE,
  ],
  ['flood/10', '10.5', 'frames of an unknown type', [many(50_000, () => frame(0x42, 0, 0, ''))], BORNE],
  [
    'flood/11',
    '10.5',
    'RST_STREAM on streams that are closed',
    [headers(1, HELD), many(10_000, () => rst(1, 8))],
    BORNE,
  ],
  ['flood/12', '10.5', 'acknowledgements of nothing', [many(10_000, () => settings([], 1))], either(CALM, ignored)],
  [
    'flood/13',
    '10.5',
    'DATA on a closed stream',
    [headers(1, fields('POST', '/hold'), 0), rst(1, 8), many(60, () => data(1, 'x'.repeat(1000)))],
    either(BORNE, streamError('STREAM_CLOSED', 'FLOW_CONTROL_ERROR')),
  ],
  [
    'stall/1',
    '10.5',
    'large answers into windows of 0: others go on',
    [...Array.from({ length: 50 }, (_, i) => get(stream(i), '/big')), 50, headers(201, fields('HEAD'))],
    answer(201, 200),
    { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] },
  ],
  [
    'stall/2',
    '10.5',
    'the connection’s window is used up by one stream: it goes on when it opens',
    [get(1, '/big'), received(65_535), windowUpdate(0, 100_000)],
    that('100,000 bytes', 'answered', received(100_000)),
    { settings: [[Setting.INITIAL_WINDOW_SIZE, 1_000_000]] },
  ],
  [
    'stall/3',
    '10.5',
    'a window that opens by single bytes',
    [get(1, '/big'), ...Array.from({ length: 50 }, (_, i) => [received(i), windowUpdate(1, 1)]).flat()],
    that('50 bytes', 'answered', received(50)),
    { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] },
  ],
  [
    'stall/4',
    '6.9.2',
    'a stream’s window opens by settings only',
    [get(1, '/big'), 50, settings([[Setting.INITIAL_WINDOW_SIZE, 1000]])],
    that('1,000 bytes', 'answered', received(1000)),
    { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] },
  ],
  [
    'stall/5',
    '5.2',
    'a request that is reset gives its part of the window back',
    [
      ...Array.from({ length: 4 }, (_, i) =>
        Buffer.concat([
          headers(stream(i), fields('POST', '/hold'), 0),
          data(stream(i), 'x'.repeat(16_000)),
          rst(stream(i), 8),
        ]),
      ),
      300,
      post(101),
      data(101, 'x'.repeat(16_000)),
      end(101),
    ],
    answer(101, 200),
  ],
  [
    'stall/6',
    '5.2',
    'an upstream that reads nothing stops the sender by the window',
    [headers(1, fields('POST', '/hold'), 0), frame(Type.DATA, END_STREAM, 1, longValue(16_000)), get(3)],
    answer(3, 200),
  ],
])
