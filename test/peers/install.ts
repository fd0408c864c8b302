import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { locked } from './lock.ts'
import { absent, CACHE, found, type Peer } from './peer.ts'

/** A failed try is not repeated by every test file of a run. */
const RETRY_AFTER_MS = 10 * 60_000

const known = new Map<string, Promise<Peer>>()

/**
 * Installs a peer once per machine: `make` fills an empty folder, which is moved to its place when complete. `entry` is the
 * program within it. `name` names the peer for people, `version` its folder.
 */
export function install(
  name: string,
  version: string,
  entry: string,
  make: (dir: string) => Promise<void>,
): Promise<Peer> {
  const key = `${name}-${version}`
  let peer = known.get(key)
  if (peer === undefined) {
    peer = installOnce(name, join(CACHE, 'peers', key), entry, make)
    known.set(key, peer)
  }
  return peer
}

async function installOnce(
  name: string,
  home: string,
  entry: string,
  make: (dir: string) => Promise<void>,
): Promise<Peer> {
  const path = join(home, entry)
  if (existsSync(path)) return found(path)
  const failure = `${home}.failed`
  return locked(home, async () => {
    if (existsSync(path)) return found(path)
    if (existsSync(failure) && Date.now() - statSync(failure).mtimeMs < RETRY_AFTER_MS) {
      return absent(name, readFileSync(failure, 'utf8'))
    }
    const part = `${home}.part`
    rmSync(part, { recursive: true, force: true })
    mkdirSync(part, { recursive: true })
    try {
      await make(part)
      if (!existsSync(join(part, entry))) throw new Error(`there is no ${entry} in what was installed`)
      rmSync(home, { recursive: true, force: true })
      renameSync(part, home)
      rmSync(failure, { force: true })
      return found(path)
    } catch (error) {
      rmSync(part, { recursive: true, force: true })
      writeFileSync(failure, (error as Error).message)
      return absent(name, (error as Error).message)
    }
  })
}
