/**
 * cosign, built from the Go module proxy. That takes four minutes of one core and a gigabyte of modules, so only where CI=true, where it is
 * there already, or by `node test/peers/cosign.ts`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { go } from './index.ts'
import { install } from './install.ts'
import { absent, CACHE, type Peer } from './peer.ts'
import { run } from './run.ts'

const VERSION = '3.1.3'
const BUILD_MS = 25 * 60_000

export async function cosign(wanted = process.env['CI'] === 'true'): Promise<Peer> {
  if (!wanted && !existsSync(join(CACHE, 'peers', `cosign-${VERSION}`, 'cosign'))) {
    return absent('cosign', 'build it with `node test/peers/cosign.ts`')
  }
  const compiler = await go()
  if (compiler.skip !== false) return absent('cosign', compiler.skip)
  return install('cosign', VERSION, 'cosign', async (dir) => {
    const program = `github.com/sigstore/cosign/v3/cmd/cosign@v${VERSION}`
    const env = { GOBIN: dir, CGO_ENABLED: '0' }
    const build = ['-n', '19', compiler.path, 'install', '-trimpath', '-ldflags', '-s -w', program]
    await run('nice', build, { cwd: dir, env, timeoutMs: BUILD_MS })
  })
}

if (import.meta.main) {
  const peer = await cosign(true)
  console.log(peer.skip === false ? peer.path : peer.skip)
  process.exitCode = peer.skip === false ? 0 : 1
}
