import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { rootCertificates } from 'node:tls'
import { parseMirrors } from '../mirrors.ts'
import { temporaryFolder } from '../testing.ts'
import { cacheOptionsFromEnv, parseDuration } from './options.ts'

const folder = temporaryFolder()
after(() => folder.remove())

describe('Istio’s knobs', () => {
  it('have Istio’s defaults', () => {
    const options = cacheOptionsFromEnv({}, '/cache')
    assert.deepEqual(options.registries, { insecure: [], blockedCidrs: [], ca: {}, mirrors: [] })
    assert.equal(options.limits?.maxBytes, 268_435_456)
    assert.deepEqual(options.http, { attempts: 5, attemptMs: 15_000 })
    assert.deepEqual([options.expiryMs, options.purgeIntervalMs], [86_400_000, 3_600_000])
  })

  it('are read', () => {
    const ca = join(folder.path, 'ca.pem')
    writeFileSync(ca, rootCertificates[0])
    const options = cacheOptionsFromEnv(
      {
        WASM_INSECURE_REGISTRIES: 'a:5000, b',
        BLOCKED_CIDRS_IN_WASM_FETCH: '10.0.0.0/8',
        ISTIO_WASM_MAX_BINARY_SIZE_BYTES: '1000',
        WASM_HTTP_REQUEST_TIMEOUT: '0',
        WASM_HTTP_REQUEST_MAX_RETRIES: '2',
        WASM_MODULE_EXPIRY: '1h30m',
        WASM_PURGE_INTERVAL: '10s',
        SLUICE_REGISTRY_CA: `h:5000=${ca}`,
      },
      '/cache',
    )
    assert.deepEqual(options.registries, {
      insecure: ['a:5000', 'b'],
      blockedCidrs: ['10.0.0.0/8'],
      ca: { 'h:5000': rootCertificates[0] },
      mirrors: [],
    })
    assert.equal(options.limits?.maxBytes, 1000)
    assert.deepEqual(options.http, { attempts: 2, attemptMs: 5000 })
    assert.deepEqual([options.expiryMs, options.purgeIntervalMs], [5_400_000, 10_000])
    assert.throws(() => cacheOptionsFromEnv({ SLUICE_REGISTRY_CA: 'h=/nowhere' }), {
      code: 'SL3032',
      message: /SLUICE_REGISTRY_CA names \/nowhere, which cannot be read/,
    })
  })

  it('lead to containerd’s folders', () => {
    const { registries } = cacheOptionsFromEnv({ SLUICE_REGISTRY_CONFIG_PATH: `/nowhere:${folder.path}` })
    mkdirSync(join(folder.path, 'h_5000_'))
    writeFileSync(join(folder.path, 'h_5000_/hosts.toml'), 'server = "http://m:1/a"')
    assert.deepEqual(registries?.hosts?.('h:5000')?.server.root, '/a/v2')
    assert.equal(registries?.hosts?.('h:5001'), undefined)
  })

  for (const [text, ms] of [
    ['15s', 15_000],
    ['1.5s', 1500],
    ['100ms', 100],
    ['1h2m3s', 3_723_000],
    ['0', 0],
    ['nonsense', 7],
    ['', 7],
    [undefined, 7],
  ] as const) {
    it(`duration ${text}`, () => assert.equal(parseDuration(text, 7), ms))
  }
})

describe('mirror rules', () => {
  it('are read', () => {
    assert.deepEqual(parseMirrors('ghcr.io/a=http://127.0.0.1:5000, docker.io=https://m.test/hub/,*=m:1!'), [
      { prefix: 'ghcr.io/a', endpoint: '127.0.0.1:5000', plainHttp: true },
      { prefix: 'docker.io', endpoint: 'm.test/hub' },
      { prefix: '*', endpoint: 'm:1', exclusive: true },
    ])
    assert.deepEqual(parseMirrors(undefined), [])
    assert.throws(() => parseMirrors('ghcr.io'), { code: 'SL3032' })
  })
})
