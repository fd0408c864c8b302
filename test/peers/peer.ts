/**
 * Real programs that the tests compare Sluice with. A machine that cannot have one skips the tests that need it, by name:
 *
 *     const peer = await envoy()
 *     test('Envoy answers the same', { skip: peer.skip }, async () => { spawn(peer.path, …) })
 *
 * With CI=true a skip fails the run unless its peer is listed in allowed-skips.ts.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'

export type Peer = { readonly path: string; readonly skip: false } | { readonly path: ''; readonly skip: string }

/** Where peers and built modules are kept between runs. */
export const CACHE = process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache/sluice')

/** A skip reason always begins so: the runner finds the peer's name by it. */
const SKIP_PREFIX = 'peer '

export function found(path: string): Peer {
  return { path, skip: false }
}

export function absent(name: string, why: string): Peer {
  return { path: '', skip: `${SKIP_PREFIX}${name}: ${why.trim().replace(/\s+/g, ' ').slice(0, 300)}` }
}

/** The name of the peer in a skip reason, or undefined when the reason is of another kind. */
export function peerOfSkip(reason: string): string | undefined {
  return /^peer ([\w.-]+): /.exec(reason)?.[1]
}
