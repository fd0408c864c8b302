/** Headers of PROXY protocol, as bytes of latin1: of both versions, with extensions, and some that are none. */
import type { Dice } from '../filters/dice.ts'
import { TOLD, TOLD_6, TOLD_PORTS } from './words.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'

export function proxyHeader(dice: Dice): string {
  const header = dice.chance(0.5) ? version1(dice) : version2(dice)
  if (dice.chance(0.04)) return header.slice(0, dice.int(0, header.length - 1))
  return dice.chance(0.03) ? header + header : header
}

function version1(dice: Dice): string {
  const family = dice.chance(0.25) ? { name: 'TCP6', told: TOLD_6 } : { name: 'TCP4', told: TOLD }
  const [from, to] = [dice.pick(family.told), dice.chance(0.2) ? undefined : dice.pick(family.told)]
  const line = `${family.name} ${from} ${to ?? from} ${dice.pick(TOLD_PORTS)} ${dice.pick(TOLD_PORTS)}`
  if (dice.chance(0.9)) return `PROXY ${line}\r\n`
  return dice.pick([
    'PROXY UNKNOWN\r\n',
    `PROXY UNKNOWN ${line}\r\n`,
    'PROXY UNKNOWNX\r\n',
    'PROXY UNKNOWN \r\n',
    'PROXY  TCP4 10.0.0.1 10.0.0.2 1 2\r\n',
    'PROXY TCP4 10.0.0.1  10.0.0.2 1 2\r\n',
    'PROXY TCP4 x y 1 2\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 1 2 \r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 01 002\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 +1 2\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 0 0\r\n',
    'PROXY TCP4 10.0.0.01 10.0.0.2 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 10.0.0.1 10.0.0.1 1 2\r\n',
    'PROXY TCP6 ::1%lo ::1 1 2\r\n',
    'PROXY TCP6 ::ffff:10.0.0.1 ::10.0.0.1 1 2\r\n',
    'PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n',
    'PROXY tcp4 10.0.0.1 10.0.0.2 1 2\r\n',
    'proxy TCP4 10.0.0.1 10.0.0.2 1 2\r\n',
    'PROXY\tTCP4 10.0.0.1 10.0.0.2 1 2\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n\r\n',
    'PROXY TCP4 10.0.0.1 10.0.0.2 1\r 2\r\n',
    'PROXY \r\n',
    'PROXY\r\n',
    'PROXX TCP4 10.0.0.1 10.0.0.2 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(dice.int(85, 95))}\r\n`,
    '',
  ])
}

function version2(dice: Dice): string {
  const [family, size] = dice.pick([
    [1, 4],
    [1, 4],
    [1, 4],
    [2, 16],
    [2, 16],
    [3, 216],
    [0, 0],
    [4, 4],
  ] as const)
  const command = dice.chance(0.15) ? 0 : dice.chance(0.05) ? dice.int(2, 15) : 1
  const version = dice.chance(0.03) ? dice.pick([0, 1, 3]) : 2
  const transport = dice.chance(0.1) ? dice.pick([0, 2, 3]) : 1
  const host = () => (size === 4 ? ip4(dice.pick(TOLD)) : size === 16 ? ip6(dice) : '\0'.repeat(size / 2))
  const ports = size === 4 || size === 16 ? u16(dice.pick(TOLD_PORTS)) + u16(dice.pick(TOLD_PORTS)) : ''
  const addresses = command === 0 && dice.chance(0.5) ? '' : host() + host() + ports
  const extensions = dice.chance(0.4) ? dice.list(1, 3, () => extension(dice)).join('') : ''
  const body = addresses + extensions
  const length = dice.chance(0.06) ? dice.pick([0, body.length - 1, 11, 12, 35, 36]) : body.length
  const head = SIGNATURE + String.fromCharCode((version << 4) | command, (family << 4) | transport)
  return head + u16(Math.max(0, length)) + body
}

function extension(dice: Dice): string {
  const value = 'x'.repeat(dice.pick([0, 1, 7, 40, 300]))
  const length = dice.chance(0.06) ? value.length + dice.int(1, 9) : value.length
  return String.fromCharCode(dice.pick([1, 2, 4, 5, 0x20, 0xea])) + u16(length) + value
}

function ip4(text: string): string {
  return text
    .split('.')
    .map((part) => String.fromCharCode(Number(part)))
    .join('')
}

function ip6(dice: Dice): string {
  const groups = dice.pick([
    [0, 0, 0, 0, 0, 0, 0, 1],
    [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1],
    [0x2001, 0xdb8, 1, 0, 0, 0, 0, 2],
    [0, 0, 0, 0, 0, 0xffff, 0x0a00, 1],
    [0xfe80, 0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0xff02, 0, 0, 0, 0, 0, 0, 1],
  ])
  return groups.map(u16).join('')
}

function u16(value: number): string {
  return String.fromCharCode(value >> 8, value & 255)
}
