import { isDigest } from '../digest.ts'
import { RegistryError } from './errors.ts'

/** OCI distribution spec 1.1, "Pulling manifests": the grammar of <name> and of a tag. */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

export function checkName(name: string): string {
  if (name.length > 255 || !NAME.test(name)) throw new RegistryError(400, 'NAME_INVALID', 'invalid repository name')
  return name
}

export function isTag(text: string): boolean {
  return TAG.test(text)
}

export function checkDigest(digest: string): string {
  if (!isDigest(digest)) throw new RegistryError(400, 'DIGEST_INVALID', 'the digest is not valid', { digest })
  return digest
}
