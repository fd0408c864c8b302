import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFiles, read } from './sources.ts'

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly allowScripts?: Record<string, boolean>
}

interface LockEntry {
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly link?: boolean
  readonly integrity?: string
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Record<string, string>
}

interface Lock {
  readonly packages: Record<string, LockEntry>
}

/** A platform package of a system that the project is not developed on: `npm run lock` adds it without a checksum. */
function isForeign({ optional, os = [], cpu = [], libc = [] }: LockEntry): boolean {
  const ours = os.includes('linux') && cpu.some((one) => one === 'x64' || one === 'arm64') && !libc.includes('musl')
  return optional === true && os.length > 0 && !ours
}

const manifests = projectFiles().filter((file) => /(^|\/)package\.json$/.test(file) && !/^templates\//.test(file))
const locks = projectFiles().filter((file) => /(^|\/)package-lock\.json$/.test(file))

test('versions of dependencies are exact', () => {
  const loose: string[] = []
  for (const file of manifests) {
    const manifest = JSON.parse(read(file)) as Manifest
    for (const part of [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies]) {
      for (const [name, version] of Object.entries(part ?? {})) {
        if (!/^(\d+\.\d+\.\d+(-[\w.]+)?|file:.+|workspace:.+)$/.test(version)) loose.push(`${file}: ${name} ${version}`)
      }
    }
  }
  assert.deepEqual(loose, [])
})

test('lock files name no registry and hold a checksum for each package', () => {
  for (const file of locks) {
    const text = read(file)
    const lock = JSON.parse(text) as Lock
    const wrong: string[] = []
    for (const [path, entry] of Object.entries(lock.packages)) {
      if (entry.resolved !== undefined && entry.link !== true) wrong.push(`${path} is bound to ${entry.resolved}`)
      const bundledOrOurs = !path.includes('node_modules/') || entry.link === true || 'inBundle' in entry
      if (!bundledOrOurs && entry.integrity === undefined && !isForeign(entry)) wrong.push(`${path} has no checksum`)
    }
    assert.deepEqual(wrong, [], file)
    // Addresses of funding pages are the packages' own words; anything else would be where the package came from.
    const hosts = text.split('\n').filter((line) => /https?:\/\//.test(line) && !/"(url|funding)": /.test(line))
    assert.deepEqual(hosts, [], file)
  }
})

test('the lock has the platform packages of every system, or npm ci refuses it (npm run lock)', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as Lock
  const missing = Object.values(packages)
    .flatMap(({ optionalDependencies = {} }) => Object.entries(optionalDependencies))
    .filter(([, version]) => /^\d/.test(version))
    .map(([name]) => name)
    .filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)))
  assert.deepEqual(missing, [])
})

test('every package with an install script is refused by name', () => {
  const { allowScripts = {} } = JSON.parse(read('package.json')) as Manifest
  const lock = JSON.parse(read('package-lock.json')) as Lock
  const scripted = Object.entries(lock.packages)
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  const undecided = scripted.filter((name) => allowScripts[name] !== false)
  assert.deepEqual(undecided, [])
  assert.deepEqual(
    Object.keys(allowScripts).filter((name) => !scripted.includes(name)),
    [],
    'refused, but not in the lock file',
  )
})
