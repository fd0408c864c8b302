import type { SecureContextOptions } from 'node:tls'
import type { Catalogue } from './catalogue.ts'
import type { Peer } from './trial.ts'

/** OpenSSL alone would neither offer old versions and ciphers nor show such certificates. */
const ANYTHING = '@SECLEVEL=0'

export function peerOptions(peer: Peer, catalogue: Catalogue): SecureContextOptions & { ALPNProtocols?: string[] } {
  const { certificate, protocols, minVersion = 'TLSv1', maxVersion = 'TLSv1.3', ciphers, curves, signatures } = peer
  return {
    ...(certificate === undefined ? {} : catalogue.pair(certificate)),
    minVersion,
    maxVersion,
    ciphers: `${ciphers ?? 'DEFAULT'}:${ANYTHING}`,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    ...(curves === undefined ? {} : { ecdhCurve: curves }),
    ...(signatures === undefined ? {} : { sigalgs: signatures }),
  }
}
