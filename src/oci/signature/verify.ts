import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Signers } from '../../xds/index.ts'
import type { RegistryClient } from '../client.ts'
import { splitDigest } from '../digest.ts'
import type { Manifest } from '../manifest.ts'
import { MediaType } from '../media-types.ts'
import { orNothing, SupplyError } from '../supply-error.ts'
import type { ResolvedImage } from '../wasm-image.ts'
import { bundleCovers, messageSignatureOf } from './bundle.ts'
import { keylessSignerOf } from './keyless.ts'
import { isSignedByAny, readPublicKeys } from './keys.ts'
import { digestInPayload } from './payload.ts'

/** Where cosign puts the signature of a payload layer. */
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature'

const MAX_SIGNATURE_BYTES = 1 << 20
/** Anybody who may push can add signatures; looking through them must stay cheap. */
const MAX_SIGNATURES = 64

/** The holders of the keys of one PEM text. */
export function keyOnly(pem: string): Signers {
  return { keys: [pem], keyless: [] }
}

/**
 * Throws unless the image (or the index that led to it) carries a signature by one of the signers: under cosign's `.sig` tag, or among
 * the referrers of OCI 1.1, as a payload layer or as a sigstore bundle.
 */
export async function verifyImage(client: RegistryClient, image: ResolvedImage, signers: Signers): Promise<void> {
  const keys = signers.keys.flatMap(readPublicKeys)
  let seen = 0
  for (const digest of [image.digest, image.indexDigest]) {
    if (digest === undefined) continue
    for await (const manifest of signatureManifests(client, digest)) {
      for (const layer of manifest.layers ?? []) {
        const bundle = layer.mediaType.startsWith('application/vnd.dev.sigstore.bundle')
        if (!bundle && layer.mediaType !== MediaType.cosignPayload) continue
        if (++seen > MAX_SIGNATURES)
          throw new SupplyError('SL3026', `${digest} has more than ${MAX_SIGNATURES} signatures`)
        const bytes = await client.blob(layer, MAX_SIGNATURE_BYTES)
        const annotation = layer.annotations?.[SIGNATURE_ANNOTATION] ?? ''
        const good = bundle
          ? bundleCovers(bytes, digest, keys, signers.keyless)
          : payloadCovers(bytes, annotation, digest, keys)
        if (good) return
      }
    }
  }
  if (seen === 0) throw new SupplyError('SL3025', `${image.digest} has no signature`)
  throw new SupplyError('SL3026', `${image.digest} has ${seen} signature${seen === 1 ? '' : 's'}, none by this signer`)
}

function payloadCovers(bytes: Buffer, signature: string, digest: string, keys: readonly KeyObject[]): boolean {
  return isSignedByAny(keys, bytes, Buffer.from(signature, 'base64')) && digestInPayload(bytes) === digest
}

async function* signatureManifests(client: RegistryClient, digest: string): AsyncGenerator<Manifest> {
  const { algorithm, hex } = splitDigest(digest)
  const classic = await orNothing(client.manifest(`${algorithm}-${hex}.sig`))
  if (classic !== undefined) yield classic.manifest
  for (const referrer of (await client.referrers(digest)).slice(0, MAX_SIGNATURES)) {
    const type = referrer.artifactType
    // A fallback index may lack the types; then only the manifest itself tells.
    const maybe =
      type === undefined || type === MediaType.cosignArtifact || type.startsWith('application/vnd.dev.sigstore.bundle')
    const found = maybe ? await orNothing(client.manifest(referrer.digest)) : undefined
    if (found?.manifest.subject?.digest === digest) yield found.manifest
  }
}

/**
 * Throws unless there is a detached signature of the file by a key of the signers: base64 as `cosign sign-blob` writes it, raw, or a sigstore bundle.
 * `fetchSignature` gives undefined where there is none.
 */
export async function verifyDetached(
  path: string,
  fetchSignature: () => Promise<Buffer | undefined>,
  signers: Signers,
): Promise<void> {
  const keys = signers.keys.flatMap(readPublicKeys)
  const found = await fetchSignature()
  if (found === undefined) throw new SupplyError('SL3025', 'there is no detached signature (the URL with .sig)')
  const data = await readFile(path)
  const text = Buffer.from(found.toString('latin1').trim(), 'base64')
  const byKey = [text, found, messageSignatureOf(found)].some(
    (one) => one !== undefined && isSignedByAny(keys, data, one),
  )
  if (!byKey && keylessSignerOf(found, signers.keyless, data) === undefined) {
    throw new SupplyError('SL3026', 'the detached signature is not by this signer over this module')
  }
}
