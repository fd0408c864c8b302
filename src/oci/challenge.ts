import { BlockList, isIP } from 'node:net'
import { SupplyError } from './supply-error.ts'

/** One challenge of a WWW-Authenticate header (RFC 9110 11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string
  /** Names in lower case. */
  readonly params: Readonly<Record<string, string>>
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const PARAM = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)/y

/** Reads all challenges of a header in which several may be joined by commas. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let at = 0
  while (at < header.length) {
    at += /^[\s,]*/.exec(header.slice(at))![0].length
    TOKEN.lastIndex = at
    const scheme = TOKEN.exec(header)
    if (scheme === null) break
    at = TOKEN.lastIndex
    const params: Record<string, string> = {}
    for (;;) {
      PARAM.lastIndex = at
      const param = PARAM.exec(header)
      if (param === null) break
      params[param[1].toLowerCase()] = param[2]?.replace(/\\(.)/g, '$1') ?? param[3]
      at = PARAM.lastIndex
    }
    challenges.push({ scheme: scheme[0].toLowerCase(), params })
  }
  return challenges
}

const INSIDE = new BlockList()
for (const [address, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['0.0.0.0', 32],
  ['100.100.100.200', 32],
] as const) {
  INSIDE.addSubnet(address, prefix, 'ipv4')
}
for (const [address, prefix] of [
  ['::1', 128],
  ['::', 128],
  ['fe80::', 10],
  ['fc00::', 7],
] as const) {
  INSIDE.addSubnet(address, prefix, 'ipv6')
}

/** Whether a host is an address literal (or localhost) of the own machine or network. */
export function isInsideHost(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const version = isIP(host)
  return version !== 0 && INSIDE.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * The token server that a Bearer challenge names, if a client may talk to it (Istio's validateAllRealms): http or https, and no
 * address of the own network, because a registry could otherwise aim the client at it. Unlike Istio, only Bearer realms are
 * judged (a Basic realm is a label, not a URL), and a token server on the registry's own host is fine.
 */
export function checkedRealm(realm: string, registry: URL): URL {
  const url = URL.parse(realm)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new SupplyError('SL3018', `${registry.host} names «${realm}»`)
  }
  const unsafe = url.hostname === 'metadata.google.internal' || isInsideHost(url.hostname)
  if (unsafe && url.hostname !== registry.hostname) {
    throw new SupplyError('SL3018', `${registry.host} names «${realm}»`)
  }
  return url
}
