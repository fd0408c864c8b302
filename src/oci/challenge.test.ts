import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkedRealm, parseChallenges } from './challenge.ts'

describe('WWW-Authenticate', () => {
  it('reads one, several, quoted and bare', () => {
    assert.deepEqual(parseChallenges('Bearer realm="https://a/token",service="b",scope="repository:x:pull,push"'), [
      { scheme: 'bearer', params: { realm: 'https://a/token', service: 'b', scope: 'repository:x:pull,push' } },
    ])
    assert.deepEqual(parseChallenges('Basic realm="x", Bearer realm=https://a , service = b'), [
      { scheme: 'basic', params: { realm: 'x' } },
      { scheme: 'bearer', params: { realm: 'https://a', service: 'b' } },
    ])
    assert.deepEqual(parseChallenges('Basic realm="a \\"quoted\\" one"'), [
      { scheme: 'basic', params: { realm: 'a "quoted" one' } },
    ])
    assert.deepEqual(parseChallenges(''), [])
    assert.deepEqual(parseChallenges('Negotiate'), [{ scheme: 'negotiate', params: {} }])
  })
})

/** Istio's pkg/wasm/imagefetcher_test.go, `TestValidateAllRealms`. */
describe('TestValidateAllRealms', () => {
  const registry = new URL('https://registry.example.com/v2/')
  for (const realm of ['https://auth.docker.io/token', 'http://auth.example.com/token', 'https://8.8.8.8/token']) {
    it(`allows ${realm}`, () => assert.equal(checkedRealm(realm, registry).href, realm))
  }
  for (const realm of [
    'http://169.254.169.254/latest/meta-data/',
    'http://metadata.google.internal/computeMetadata/v1/',
    'http://100.100.100.200/latest/meta-data/',
    'http://localhost/token',
    'http://foo.localhost/token',
    'http://127.0.0.1:8080/token',
    'http://127.1/token',
    'http://0x7f000001/token',
    'http://0.0.0.0/token',
    'file:///etc/passwd',
    'gopher://auth.example.com/',
    'dict://auth.example.com/',
    'http://10.0.0.1/token',
    'http://172.16.0.1/token',
    'http://192.168.0.1/token',
    'http://[::1]/token',
    'http://[::ffff:127.0.0.1]/token',
    'http://[fe80::1]/token',
    'http://[fd00:ec2::254]/token',
    'http://[fc00::1]/token',
    '',
    'Registry Realm',
  ]) {
    it(`rejects ${realm}`, () => assert.throws(() => checkedRealm(realm, registry), { code: 'SL3018' }))
  }

  it('allows the registry’s own host, which Istio rejects', () => {
    assert.ok(checkedRealm('http://127.0.0.1:5001/token', new URL('http://127.0.0.1:5000/v2/')))
    assert.throws(() => checkedRealm('http://127.0.0.2/token', new URL('http://127.0.0.1:5000/v2/')))
  })
})
