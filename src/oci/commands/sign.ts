import { type SignOptions, signImage } from '../signature/sign.ts'
import { keyOnly, verifyImage } from '../signature/verify.ts'
import { resolveImage } from '../wasm-image.ts'
import { type AccessOptions, withClient } from './open.ts'

/** Signs what a reference now means; returns its digest and that of the signature's manifest. */
export async function signReference(
  ref: string,
  privatePem: string,
  options: AccessOptions & SignOptions = {},
): Promise<{ digest: string; signature: string }> {
  return await withClient(ref, options, true, async (client) => {
    const { digest } = await client.manifest()
    return { digest, signature: await signImage(client, digest, privatePem, options) }
  })
}

/** Throws unless what a reference now means is signed by a key of the PEM; returns its digest. */
export async function verifyReference(ref: string, publicPem: string, options: AccessOptions = {}): Promise<string> {
  return await withClient(ref, options, false, async (client) => {
    const image = await resolveImage(client)
    await verifyImage(client, image, keyOnly(publicPem))
    return image.digest
  })
}
