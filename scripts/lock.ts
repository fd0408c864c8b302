/**
 * Makes package-lock.json whole again after `npm install` (`npm run lock`).
 *
 * npm leaves out the platform packages of other systems when the registry at hand does not carry them, and `npm ci` then refuses
 * the lock everywhere. Their versions are exact in the packages that name them, so the entries can be added; `os`, `cpu` and
 * `libc`, told from the name, keep npm from fetching them where they do not belong.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface Entry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const file = new URL('../package-lock.json', import.meta.url)
const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(file, 'utf8'))

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openbsd', 'netbsd', 'sunos', 'aix', 'openharmony', 'win32']
const PROCESSORS: Record<string, string> = {
  aarch64: 'arm64',
  arm64: 'arm64',
  arm: 'arm',
  armv7: 'arm',
  ia32: 'ia32',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  x64: 'x64',
}

const added: string[] = []
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`
    if (lock.packages[path] !== undefined || !/^\d/.test(version)) continue
    const parts = name.split(/[-/]/)
    const os = parts.find((part) => SYSTEMS.includes(part))
    const cpu = parts.map((part) => PROCESSORS[part]).find((one) => one !== undefined)
    if (os === undefined || cpu === undefined) continue
    const libc = os !== 'linux' ? undefined : parts.some((part) => part.startsWith('musl')) ? 'musl' : undefined
    lock.packages[path] = {
      version,
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
      os: [os],
      cpu: [cpu],
      ...(libc === undefined ? {} : { libc: [libc] }),
    }
    added.push(name)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`added ${added.length} platform packages to package-lock.json`)
