/**
 * cosign takes four minutes of one core and a gigabyte of modules to build, so only where CI=true, where it is there already, or by
 * `node test/peers/cosign.ts`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fromGo } from './go.ts'
import { absent, CACHE, type Peer } from './peer.ts'

const VERSION = '3.1.3'
const BUILD_MS = 25 * 60_000

export async function cosign(wanted = process.env['CI'] === 'true'): Promise<Peer> {
  if (!wanted && !existsSync(join(CACHE, 'peers', `cosign-${VERSION}`, 'cosign'))) {
    return absent('cosign', 'build it with `node test/peers/cosign.ts`')
  }
  return fromGo('cosign', 'github.com/sigstore/cosign/v3/cmd/cosign', VERSION, BUILD_MS)
}

if (import.meta.main) {
  const peer = await cosign(true)
  console.log(peer.skip === false ? peer.path : peer.skip)
  process.exitCode = peer.skip === false ? 0 : 1
}
