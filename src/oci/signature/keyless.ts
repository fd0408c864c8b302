import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { type SignedEntity, toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { RE2JS } from 're2js'
import { messageOf } from '../../errors.ts'
import type { KeylessSigner } from '../../xds/index.ts'
import { SupplyError } from '../supply-error.ts'

/**
 * Which of the identities signed a sigstore bundle, checked without a network: the certificate leads to an authority of the trusted
 * root and was logged (SCT), the signature stands in a log of it, and was made while the certificate was valid (integrated time, or
 * a timestamp authority's). `artifact` is what was signed where the bundle does not hold it. Undefined when none did.
 */
export function keylessSignerOf(
  bytes: Uint8Array,
  signers: readonly KeylessSigner[],
  artifact?: Buffer,
): KeylessSigner | undefined {
  if (signers.length === 0) return undefined
  // Read before the bundle: a policy that cannot be read is not a matter of the signature.
  const verifiers = signers.map((signer) => ({ signer, verifier: verifierFor(signer), names: namesOf(signer) }))
  let entity: SignedEntity
  try {
    entity = toSignedEntity(bundleFromJSON(JSON.parse(Buffer.from(bytes).toString())), artifact)
  } catch {
    return undefined
  }
  return verifiers.find(({ signer, verifier, names }) => {
    try {
      const { identity } = verifier.verify(entity)
      return identity?.extensions?.issuer === signer.issuer && names(identity.subjectAlternativeName ?? '')
    } catch {
      return false
    }
  })?.signer
}

function verifierFor({ trustedRoot }: KeylessSigner): Verifier {
  try {
    return new Verifier(toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(trustedRoot))))
  } catch (cause) {
    throw new SupplyError('SL3031', messageOf(cause), { cause })
  }
}

function namesOf({ subject, subjectRegex }: KeylessSigner): (name: string) => boolean {
  if (subjectRegex === undefined) return (name) => name === subject
  try {
    const pattern = RE2JS.compile(subjectRegex)
    return (name) => pattern.matches(name)
  } catch (cause) {
    throw new SupplyError('SL3031', `subjectRegex «${subjectRegex}»: ${messageOf(cause)}`, { cause })
  }
}
