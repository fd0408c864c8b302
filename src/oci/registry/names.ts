import { isDigest } from '../digest.ts'
import { RegistryError } from './errors.ts'

/** OCI distribution spec 1.1, "Pulling manifests": the grammar of <name> and of a tag. */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** The name, if it is one of a repository; else throws NAME_INVALID. */
export function checkName(name: string): string {
  if (name.length > 255 || !NAME.test(name)) throw new RegistryError(400, 'NAME_INVALID', 'invalid repository name')
  return name
}

/** By the grammar of the spec; whatever else stands in its place has to be a digest. */
export function isTag(text: string): boolean {
  return TAG.test(text)
}

/** The digest, if it is one that can be checked; else throws DIGEST_INVALID. */
export function checkDigest(digest: string): string {
  if (!isDigest(digest)) throw new RegistryError(400, 'DIGEST_INVALID', 'the digest is not valid', { digest })
  return digest
}
