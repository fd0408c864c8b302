import type { HeaderMap } from '../../base/header-map.ts'

/**
 * What a request asks to become, or ''. Envoy's `Utility::isUpgrade`: `connection` has to name it as well; an `upgrade` alone, which a
 * filter may have added, is a header like any other.
 */
export function upgradeOf(headers: HeaderMap): string {
  const upgrade = headers.get('upgrade')
  if (upgrade === undefined) return ''
  return /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i.test(headers.get('connection') ?? '') ? upgrade : ''
}
