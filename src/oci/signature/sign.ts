import { createHash, createPublicKey } from 'node:crypto'
import type { RegistryClient } from '../client.ts'
import { splitDigest } from '../digest.ts'
import type { Descriptor, Manifest } from '../manifest.ts'
import { MediaType } from '../media-types.ts'
import { repositoryOf } from '../reference.ts'
import { SupplyError } from '../supply-error.ts'
import { preAuthEncoding } from './bundle.ts'
import { readPrivateKey, signWith } from './keys.ts'
import { payloadFor } from './payload.ts'
import { SIGNATURE_ANNOTATION } from './verify.ts'

/** `tag`: cosign's classic `.sig` tag, which every verifier reads; `referrer`: OCI 1.1; `bundle`: what cosign 3 writes. */
export type SignatureForm = 'tag' | 'referrer' | 'bundle'

/** In which form a signature is kept, and what it says beside the digest. */
export interface SignOptions {
  readonly form?: SignatureForm
  readonly annotations?: Readonly<Record<string, string>>
}

/** Signs a manifest of the repository and pushes the signature; returns the digest of the signature's manifest. */
export async function signImage(
  client: RegistryClient,
  digest: string,
  privatePem: string,
  { form = 'tag', annotations }: SignOptions = {},
): Promise<string> {
  const key = readPrivateKey(privatePem)
  const signed = await client.manifest(digest)
  const subject: Descriptor = { mediaType: signed.mediaType, digest, size: signed.bytes.length }
  if (form === 'bundle') {
    const statement = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ digest: { sha256: splitDigest(digest).hex }, ...(annotations ? { annotations } : {}) }],
        predicateType: 'https://sigstore.dev/cosign/sign/v1',
        predicate: {},
      }),
    )
    const type = 'application/vnd.in-toto+json'
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
    const hint = createHash('sha256').update(spki).digest('base64')
    const bundle = {
      mediaType: MediaType.sigstoreBundle,
      verificationMaterial: { publicKey: { hint } },
      dsseEnvelope: {
        payloadType: type,
        payload: statement.toString('base64'),
        signatures: [{ sig: signWith(key, preAuthEncoding(type, statement)).toString('base64') }],
      },
    }
    const config = await client.putBlob(MediaType.ociEmpty, Buffer.from('{}'))
    const layer = await client.putBlob(MediaType.sigstoreBundle, Buffer.from(JSON.stringify(bundle)))
    const notes = {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
    }
    const artifactType = MediaType.sigstoreBundle
    return await attach(client, { ...base(config, [layer]), artifactType, subject, annotations: notes })
  }
  const payload = payloadFor(repositoryOf(client.reference), digest, annotations)
  const signature = signWith(key, payload).toString('base64')
  const layer = await client.putBlob(MediaType.cosignPayload, payload, { [SIGNATURE_ANNOTATION]: signature })
  if (form === 'referrer') {
    const config = await client.putBlob(MediaType.cosignArtifact, Buffer.from('{}'))
    return await attach(client, { ...base(config, [layer]), subject })
  }
  const { algorithm, hex } = splitDigest(digest)
  const tag = `${algorithm}-${hex}.sig`
  const layers = [...(await existingLayers(client, tag)), layer]
  const config = await client.putBlob(MediaType.ociConfig, Buffer.from(JSON.stringify(emptyConfig(layers))))
  return await client.putManifest(base(config, layers), MediaType.ociManifest, tag)
}

function base(config: Descriptor, layers: readonly Descriptor[]): Manifest {
  return { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers }
}

function emptyConfig(layers: readonly Descriptor[]): unknown {
  const diff_ids = layers.map(({ digest }) => digest)
  return { architecture: '', os: '', config: {}, rootfs: { type: 'layers', diff_ids } }
}

/** Pushes a referrer, and lists it under the fallback tag where the registry has no referrers API (OCI distribution spec 1.1). */
async function attach(client: RegistryClient, manifest: Manifest): Promise<string> {
  const digest = await client.putManifest(manifest, MediaType.ociManifest)
  const subject = manifest.subject!.digest
  const listed = await client.referrers(subject)
  if (listed.some((one) => one.digest === digest)) return digest
  const { algorithm, hex } = splitDigest(subject)
  const size = Buffer.byteLength(JSON.stringify(manifest))
  const artifactType = manifest.artifactType ?? manifest.config!.mediaType
  const entry: Descriptor = { mediaType: MediaType.ociManifest, digest, size, artifactType }
  const index: Manifest = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [...listed, entry] }
  await client.putManifest(index, MediaType.ociIndex, `${algorithm}-${hex}`)
  return digest
}

async function existingLayers(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  try {
    return (await client.manifest(tag)).manifest.layers ?? []
  } catch (error) {
    if (error instanceof SupplyError && error.code === 'SL3006') return []
    throw error
  }
}
