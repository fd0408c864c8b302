/** Istio's `TestAllInsecureServer`, and what Istio lacks: a certificate authority per registry. */
import '../base/reflect-metadata.ts'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { RegistryClient } from './client.ts'
import { anonymous } from './credentials.ts'
import { HttpTransport, type HttpTransportOptions } from './http-transport.ts'
import { MediaType } from './media-types.ts'
import { parseReference } from './reference.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
const certificate = await X509CertificateGenerator.createSelfSigned(
  {
    name: 'CN=registry.test',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  },
  webcrypto as never,
)
const pem = certificate.toString('pem')
const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`

const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, layers: [] })
const server = createServer({ cert: pem, key }, (_, response) => response.end(manifest))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
after(() => {
  server.close()
  server.closeAllConnections()
})

async function pull(options: HttpTransportOptions): Promise<void> {
  const transport = new HttpTransport(options)
  const retry = { attempts: 1, initialMs: 1, maxMs: 1 }
  try {
    await new RegistryClient(parseReference(`${host}/a:v1`), transport, { credentials: anonymous, retry }).manifest()
  } finally {
    transport.close()
  }
}

describe('a registry with a certificate of its own', () => {
  it('is refused', () => assert.rejects(pull({}), { code: 'SL3003', message: /certificate/ }))
  it('is taken when named as insecure', () => pull({ insecure: [host] }))
  it('is taken when all are insecure', () => pull({ insecure: ['*'] }))
  it('is refused when another is insecure', () => assert.rejects(pull({ insecure: ['127.0.0.1'] }), { code: 'SL3003' }))
  it('is taken with its authority', () => pull({ ca: { [host]: pem } }))
  it('is refused with the authority of another', () => assert.rejects(pull({ ca: { 'h:1': pem } }), { code: 'SL3003' }))
})
