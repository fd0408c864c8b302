import { asciiLower } from '../../base/byte-string.ts'

/**
 * A name that a certificate has is this one; in its first label a wildcard may stand for a part (RFC 6125 6.4.3, which takes no wildcard
 * in an A-label; Envoy's Utility::dnsNameMatch).
 */
export function dnsNameMatches(name: string, certified: string): boolean {
  const [wanted, own] = [asciiLower(name), asciiLower(certified)]
  if (wanted === own) return true
  const [at, to] = [wanted.indexOf('.'), own.indexOf('.')]
  if (at < 1 || to < 1 || wanted.slice(at) !== own.slice(to) || own.includes('*', to)) return false
  const [before, after, more] = own.slice(0, to).split('*')
  if (after === undefined || more !== undefined || before.startsWith('xn--')) return false
  return at >= before.length + after.length && wanted.startsWith(before) && wanted.slice(0, at).endsWith(after)
}
