import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { SupplyError } from '../supply-error.ts'
import { readAuthority, readPair } from './certificates.ts'
import { PLAIN_SERVER, parseHostsFile, type RegistryHosts } from './hosts-file.ts'

/** The settings of a registry, `host[:port]`; undefined where there are none. */
export type HostsSource = (registry: string) => RegistryHosts | undefined

/**
 * Folders in containerd's layout (`config_path`): `<registry>/hosts.toml`, or `_default/hosts.toml` for all others. They are read whenever a
 * client is made, as containerd does, so that a change needs no restart and a mistake costs only its own registry.
 */
export function hostsFrom(folders: readonly string[]): HostsSource {
  return (registry) => {
    for (const folder of folders) {
      const dir = namesOf(registry)
        .map((name) => join(folder, name))
        .find((path) => existsSync(path))
      if (dir !== undefined) return readFolder(dir)
    }
    return undefined
  }
}

/** As containerd's hostPaths: a port may be written with underscores, for file systems that take no colon. */
function namesOf(registry: string): string[] {
  const name = registry === 'index.docker.io' ? 'docker.io' : registry
  const port = /^(.+):(\d+)$/.exec(name)
  return [...(port === null ? [] : [`${port[1]}_${port[2]}_`]), name, '_default']
}

function readFolder(dir: string): RegistryHosts {
  const file = join(dir, 'hosts.toml')
  let text: string
  try {
    text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch (cause) {
    throw new SupplyError('SL3032', `${file}: ${messageOf(cause)}`, { cause })
  }
  return text === '' ? readCertificates(dir) : parseHostsFile(text, file, dir)
}

/** Docker's older layout, which containerd reads too: `*.crt` are authorities, `*.cert` with `*.key` are for the client. */
function readCertificates(dir: string): RegistryHosts {
  try {
    const files = readdirSync(dir).sort()
    const ca = files.filter((file) => file.endsWith('.crt')).map((file) => readAuthority(file, dir))
    const certificates = files
      .filter((file) => file.endsWith('.cert'))
      .map((file) => readPair(file, file.replace(/cert$/, 'key'), dir))
    return { hosts: [], server: { ...PLAIN_SERVER, own: { tls: { ca, certificates, insecure: false } } } }
  } catch (cause) {
    throw new SupplyError('SL3032', `${dir}: ${messageOf(cause)}`, { cause })
  }
}
