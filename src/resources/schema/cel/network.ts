import { BlockList, isIP } from 'node:net'
import { type CelFunc, type CelInput, CelScalar, celFunc } from '@bufbuild/cel'
import { opaque, opaqueMethod } from './opaque.ts'

const { BOOL, DYN, STRING } = CelScalar

/** netip.ParseAddr, zones and IPv4-mapped IPv6 addresses excepted (apiserver/pkg/cel/library/ip.go). */
function familyOf(text: string): 4 | 6 | 0 {
  if (text.includes('%') || /^::ffff:\d+\./i.test(text)) return 0
  return isIP(text) as 4 | 6 | 0
}

function parseCidr(text: string): { ip: string; family: 4 | 6; length: number } | undefined {
  const [, ip = '', digits = ''] = /^(.*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  const family = familyOf(ip)
  if (family === 0 || Number(digits) > (family === 4 ? 32 : 128)) return undefined
  return { ip, family, length: Number(digits) }
}

function canonical(ip: string): string {
  return familyOf(ip) === 6 ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip
}

/** `text` is an address, or an `ip()` value. */
function addressOf(value: unknown): string {
  const text = typeof value === 'string' ? value : String((value as ReadonlyMap<string, unknown>).get('text'))
  if (familyOf(text) === 0) throw new Error(`IP Address ${JSON.stringify(text)} parse error`)
  return text
}

function contains(get: (field: string) => unknown, ip: string): boolean {
  const family = Number(get('family')) === 4 ? 'ipv4' : 'ipv6'
  if (familyOf(ip) !== Number(get('family'))) return false
  const block = new BlockList()
  block.addSubnet(String(get('ip')), Number(get('length')), family)
  return block.check(ip, family)
}

const inRange = (name: string, ...ranges: readonly string[]) =>
  opaqueMethod('ip', name, (get) =>
    ranges.some((range) => {
      const { ip, family, length } = parseCidr(range)!
      const fields: Record<string, unknown> = { ip, family, length }
      return contains((field) => fields[field], String(get('text')))
    }),
  )

const toIp = (text: string): CelInput => opaque('ip', { text: canonical(addressOf(text)) })

export const NETWORK_LIBRARY: readonly CelFunc[] = [
  celFunc('isIP', [STRING], BOOL, (text) => familyOf(text) !== 0),
  celFunc('ip', [STRING], DYN, (text) => toIp(text) as never),
  celFunc('ip.isCanonical', [STRING], BOOL, (text) => canonical(addressOf(text)) === text),
  opaqueMethod('ip', 'family', (get) => BigInt(familyOf(String(get('text'))))),
  inRange('isUnspecified', '0.0.0.0/32', '::/128'),
  inRange('isLoopback', '127.0.0.0/8', '::1/128'),
  inRange('isLinkLocalUnicast', '169.254.0.0/16', 'fe80::/10'),
  inRange('isLinkLocalMulticast', '224.0.0.0/24', 'ff02::/16'),
  celFunc('isCIDR', [STRING], BOOL, (text) => parseCidr(text) !== undefined),
  celFunc('cidr', [STRING], DYN, (text) => {
    const cidr = parseCidr(text)
    if (cidr === undefined) throw new Error(`network address parse error during conversion from string: ${text}`)
    return opaque('cidr', { ip: cidr.ip, family: BigInt(cidr.family), length: BigInt(cidr.length) }) as never
  }),
  opaqueMethod('cidr', 'prefixLength', (get) => get('length') as bigint),
  opaqueMethod('cidr', 'containsIP', (get, ip) => contains(get, addressOf(ip)), 1),
]
