import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatReference, parseReference } from './reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('references (distribution/reference and go-containerregistry)', () => {
  for (const [text, expected] of [
    ['ubuntu', 'index.docker.io/library/ubuntu:latest'],
    ['docker.io/ubuntu', 'index.docker.io/library/ubuntu:latest'],
    ['oci://docker.io/x', 'index.docker.io/library/x:latest'],
    ['user/repo:v1', 'index.docker.io/user/repo:v1'],
    ['registry-1.docker.io/user/repo', 'index.docker.io/user/repo:latest'],
    [
      'oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0',
      'ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0',
    ],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['private-registry:5000/openid-connect/openid:latest', 'private-registry:5000/openid-connect/openid:latest'],
    ['Registry.Example/x', 'registry.example/x:latest'],
    ['[::1]:5000/x:v1', '[::1]:5000/x:v1'],
    [`127.0.0.1:5000/x@${digest}`, `127.0.0.1:5000/x@${digest}`],
    [`127.0.0.1:5000/x:v1@${digest}`, `127.0.0.1:5000/x:v1@${digest}`],
    ['oci://host.io/x:v1?query=dropped', 'host.io/x:v1'],
    ['a/b/c', 'index.docker.io/a/b/c:latest'],
  ]) {
    it(text, () => assert.equal(formatReference(parseReference(text)), expected))
  }

  for (const text of [
    '',
    'oci://',
    'host.io/',
    'host.io/UPPER',
    'host.io/a//b',
    'host.io/../etc',
    'host.io/a:',
    'host.io/a:-tag',
    'host.io/a@sha256:short',
    `host.io/a@md5:${'a'.repeat(32)}`,
    'host_name.io/a',
    'user:pass@host.io/a',
    'host.io/a b',
  ]) {
    it(`refuses «${text}»`, () => assert.throws(() => parseReference(text), { code: 'SL3001' }))
  }

  it('its own text means the same again', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/)
    const registry = fc.constantFrom('ghcr.io', 'localhost:5000', 'index.docker.io', '10.0.0.1:443', '[::1]')
    const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/)
    fc.assert(
      fc.property(registry, fc.array(part, { minLength: 2, maxLength: 4 }), tag, (host, path, version) => {
        const reference = parseReference(`${host}/${path.join('/')}:${version}`)
        assert.deepEqual(parseReference(formatReference(reference)), reference)
      }),
    )
  })

  it('either parses or says why', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseReference(text)
        } catch (error) {
          assert.equal((error as { code: string }).code, 'SL3001')
        }
      }),
    )
  })
})
