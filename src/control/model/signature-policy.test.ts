import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSignaturePolicy, requirementsFor } from './signature-policy.ts'

function policy(namespace: string, ...rules: object[]) {
  const metadata = { name: 'signed', namespace }
  return readSignaturePolicy({
    apiVersion: 'extensions.sluice.dev/v1alpha1',
    kind: 'SignaturePolicy',
    metadata,
    spec: { rules },
  })
}

const ROOT = 'istio-system'
const applies = (namespace: string, rule: object, url: string, to = 'shop') =>
  requirementsFor([policy(namespace, { keys: ['PEM'], ...rule })], to, url, ROOT).length === 1

const DIGEST = `sha256:${'a'.repeat(64)}`

/** prefix, URL, whether the rule holds: other spellings of a place must not lead around it. */
const PREFIXES: [string, string, boolean][] = [
  ['ghcr.io', 'oci://ghcr.io/acme/auth:1', true],
  ['ghcr.io', 'ghcr.io/acme/auth', true],
  ['ghcr.io', 'oci://GHCR.IO/acme/auth:1', true],
  ['ghcr.io', 'OCI://ghcr.io/acme/auth:1', true],
  ['ghcr.io', 'oci://ghcr.io:443/acme/auth:1', true],
  ['GHCR.io', 'oci://ghcr.io/acme/auth:1', true],
  ['ghcr.io', 'oci://ghcr.io.example.com/acme/auth:1', false],
  ['ghcr.io', 'oci://ghcr.io:5000/acme/auth:1', false],
  ['ghcr.io/acme', `oci://ghcr.io/acme/auth@${DIGEST}`, true],
  ['ghcr.io/acme', 'oci://ghcr.io/acme-evil/auth:1', false],
  ['ghcr.io/acme/auth', 'oci://ghcr.io/acme/auth:1', true],
  ['docker.io', 'auth', true],
  ['docker.io/library', 'oci://index.docker.io/auth', true],
  ['127.0.0.1:5000', 'oci://127.0.0.1:5000/a:1', true],
  ['files.example.com', 'https://files.example.com:443/a.wasm?x=1', true],
  ['files.example.com/acme', 'https://files.example.com//%61cme/a.wasm', true],
  ['files.example.com', 'HTTPS://user:pw@FILES.example.com./a.wasm', true],
  ['files.example.com', 'https://example.com/files.example.com/a.wasm', false],
  ['files.example.com', 'file:///files.example.com/a.wasm', false],
  ['*', 'file:///a.wasm', true],
  ['*', 'oci://anything/else', true],
  ['ghcr.io', 'oci://not a reference', true],
]

for (const [prefix, url, expected] of PREFIXES) {
  test(`${prefix} ${expected ? 'covers' : 'does not cover'} ${url}`, () => {
    assert.equal(applies(ROOT, { prefix }, url), expected)
  })
}

test('a policy of the root namespace is for all, any other for its own', () => {
  assert.equal(applies(ROOT, { prefix: '*' }, 'a'), true)
  assert.equal(applies('shop', { prefix: '*' }, 'a'), true)
  assert.equal(applies('other', { prefix: '*' }, 'a'), false)
  assert.equal(applies('other', { namespaces: ['shop'] }, 'a'), false)
})

test('namespaces and prefix must both fit where both are there', () => {
  assert.equal(applies(ROOT, { namespaces: ['shop'] }, 'a'), true)
  assert.equal(applies(ROOT, { namespaces: ['bank'] }, 'a'), false)
  assert.equal(applies(ROOT, { namespaces: ['shop'], prefix: 'ghcr.io' }, 'a'), false)
})

test('every rule that holds is asked for, with the name of its policy', () => {
  const keyless = [{ issuer: 'i', subject: 's', trustedRoot: '{}' }]
  const policies = [
    policy(ROOT, { prefix: '*', keys: ['one'] }, { prefix: 'ghcr.io', keyless, mode: 'Warn' }),
    policy('shop', { prefix: 'ghcr.io', keys: ['two'] }),
  ]
  assert.deepEqual(requirementsFor(policies, 'shop', 'oci://ghcr.io/a', ROOT), [
    { policy: 'istio-system/signed', warn: false, keys: ['one'], keyless: [] },
    { policy: 'istio-system/signed', warn: true, keys: [], keyless },
    { policy: 'shop/signed', warn: false, keys: ['two'], keyless: [] },
  ])
})
