import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { afterEach, describe, it } from 'node:test'
import { agentSettings } from '../agent/index.ts'
import { packagePath } from '../base/package-root.ts'
import type { Home } from './home.ts'
import { images } from './images.ts'
import type { StandaloneOptions } from './options.ts'

const SET = {
  WASM_INSECURE_REGISTRIES: 'r.test:5000',
  SLUICE_REGISTRY_MIRRORS: 'r.test=m.test',
  WASM_MODULE_EXPIRY: '',
}
const before = Object.fromEntries(Object.keys(SET).map((name) => [name, process.env[name]]))
afterEach(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

describe('the gateway’s environment', () => {
  it('has what `sluice up` was told about registries, after its own mirror, and nothing else of its environment', () => {
    Object.assign(process.env, SET)
    const around = {
      options: { host: 'h' } as StandaloneOptions,
      home: { cache: '/c' } as Home,
      registry: 'r:1',
      discovery: 'd:1',
    }
    const env = images(around)['sluice.dev/proxy'].env ?? {}
    assert.equal(env['WASM_INSECURE_REGISTRIES'], 'r.test:5000')
    assert.match(env['SLUICE_REGISTRY_MIRRORS'] ?? '', /^ghcr\.io\/.*=http:\/\/r:1,r\.test=m\.test$/)
    assert.equal('WASM_MODULE_EXPIRY' in env, false)
    assert.equal('PATH' in env, false)
    assert.equal(env['NODE_USE_ENV_PROXY'], '0', 'its calls go where they are sent')
  })

  it('knows every setting that the reference lists', () => {
    const page = readFileSync(packagePath('docs/reference/module-supply.md'), 'utf8')
    const table = page.slice(page.indexOf('## Settings of the agent'), page.indexOf('## Settings of registries'))
    const listed = [...table.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name)
    assert.ok(listed.length > 10)
    const all = Object.fromEntries(listed.map((name) => [name, 'x']))
    // The cache's folder is the instance's own.
    assert.deepEqual(
      Object.keys(agentSettings(all)),
      listed.filter((name) => name !== 'SLUICE_MODULE_CACHE'),
    )
  })
})
