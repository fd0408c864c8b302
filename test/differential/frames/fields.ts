/** The header sections of generated requests, most of them in order. */
import type { Dice } from '../filters/dice.ts'
import type { Field } from '../trial.ts'

export function section(dice: Dice, stream: number, method: string, length: number): Field[] {
  const pseudo: Field[] = [
    [':method', method],
    [':scheme', 'http'],
    [':path', `/${stream}`],
    [':authority', 'a.example'],
  ]
  const regular = dice.list(0, 3, () => dice.pick(dice.chance(0.9) ? FIELDS : ODD))
  if (length > 0 && dice.chance(0.3))
    regular.push(['content-length', String(dice.chance(0.75) ? length : length + dice.pick([1, -1, 7]))])
  if (dice.chance(0.04)) regular.push(...Array.from({ length: 110 }, (_, i): Field => [`x-${i}`, '1']))
  if (dice.chance(0.04)) regular.push(['x-large', 'x'.repeat(70_000)])
  if (dice.chance(0.9)) return [...pseudo, ...regular]
  return disordered(dice, pseudo, regular)
}

function disordered(dice: Dice, pseudo: Field[], regular: Field[]): Field[] {
  const at = dice.int(0, pseudo.length - 1)
  switch (dice.int(0, 5)) {
    case 0:
      return [...pseudo.toReversed(), ...regular]
    case 1:
      return [...pseudo.toSpliced(at, 1), ...regular]
    case 2:
      return [...pseudo, pseudo[at], ...regular]
    case 3:
      return [...pseudo, dice.pick(PSEUDO), ...regular]
    case 4:
      return [...pseudo.toSpliced(at, 1), ['x-first', '1'], pseudo[at], ...regular]
    default:
      return [...pseudo.with(at, [pseudo[at][0], dice.pick(VALUES)]), ...regular]
  }
}

export function trailers(dice: Dice): Field[] {
  return dice.list(0, 2, () => dice.pick(TRAILERS))
}

const PSEUDO: readonly Field[] = [
  [':status', '200'],
  [':protocol', 'websocket'],
  [':unknown', 'a'],
  [':PATH', '/'],
]
const VALUES = [
  '',
  ' ',
  '*',
  'a b',
  '/x y',
  'http',
  'HTTP',
  'ftp',
  'a@b',
  'b.example',
  '/%00',
  '/a#b',
  'CONNECT',
  'FOO',
  '1',
]

const FIELDS: readonly Field[] = [
  ['te', 'trailers'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['cookie', 'a=b; e=f'],
  ['host', 'a.example'],
  ['x-a', '1'],
  ['x-a', '2'],
  ['x-empty', ''],
  ['accept', 'text/plain'],
  ['user-agent', 'generated'],
  ['content-type', 'text/plain'],
  ['content-type', 'application/grpc'],
  ['x-answer', '204'],
  ['x-answer', '404'],
  ['expect', '100-continue'],
  ['x_under', '1'],
]
const ODD: readonly Field[] = [
  ['te', 'gzip'],
  ['te', 'trailers, gzip'],
  ['host', 'b.example'],
  ['host', 'A.EXAMPLE'],
  ['connection', 'close'],
  ['connection', 'x-a'],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'keep-alive'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'websocket'],
  ['X-Upper', 'a'],
  ['x-sp ace', 'a'],
  ['', 'a'],
  ['x-a', 'a\rb'],
  ['x-a', 'a\nb'],
  ['x-a', 'a\0b'],
  ['x-a', '\x01'],
  ['x-a', '\xe9'],
  ['x-\xe9', 'a'],
  ['x:y', 'a'],
  ['content-length', 'x'],
  ['content-length', '-1'],
  ['content-length', ''],
  ['content-length', '0'],
  ['content-length', '5'],
]
const TRAILERS: readonly Field[] = [
  ['x-end', '1'],
  ['x-end', '2'],
  ['grpc-status', '0'],
  ['content-length', '5'],
  [':path', '/'],
  ['connection', 'close'],
  ['te', 'trailers'],
  ['X-Upper', 'a'],
  ['x-a', 'a\0b'],
  ['host', 'a'],
]
