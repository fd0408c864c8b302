/** Istio's `TestAllInsecureServer`, and what Istio lacks: a certificate authority per registry. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { RegistryClient } from './client.ts'
import { anonymous } from './credentials.ts'
import { HttpTransport, type HttpTransportOptions } from './http-transport.ts'
import { MediaType } from './media-types.ts'
import { parseReference } from './reference.ts'
import { selfSigned, serveTls } from './testing.ts'

const { cert, key } = await selfSigned()
const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, layers: [] })
const server = await serveTls({ cert, key }, (_, response) => response.end(manifest))
const { host } = server
after(() => server.close())

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
  it('is taken with its authority', () => pull({ ca: { [host]: cert } }))
  it('is refused with the authority of another', () =>
    assert.rejects(pull({ ca: { 'h:1': cert } }), { code: 'SL3003' }))
})
