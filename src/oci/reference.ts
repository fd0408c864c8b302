import { isDigest } from './digest.ts'
import { SupplyError } from './supply-error.ts'

/** A parsed image reference, normalised as Docker and go-containerregistry do. */
export interface Reference {
  /** `host[:port]`; Docker Hub is `index.docker.io`. */
  readonly registry: string
  readonly repository: string
  /** As written; undefined when only a digest, or nothing, was given. */
  readonly tag?: string
  readonly digest?: string
}

const DOCKER_HUB = 'index.docker.io'
const DOCKER_ALIASES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d{1,5})?$/
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Reads `[oci://][host[:port]/]repository[:tag][@digest]`; a query is dropped, as Istio's agent does. */
export function parseReference(text: string): Reference {
  let rest = text.replace(/^oci:\/\//, '').replace(/[?#].*$/, '')
  let digest: string | undefined
  const at = rest.indexOf('@')
  if (at >= 0) {
    digest = rest.slice(at + 1)
    rest = rest.slice(0, at)
    if (!isDigest(digest)) throw new SupplyError('SL3001', `«${text}»: the digest is not valid`)
  }
  let tag: string | undefined
  const colon = rest.lastIndexOf(':')
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1)
    rest = rest.slice(0, colon)
    if (!TAG.test(tag)) throw new SupplyError('SL3001', `«${text}»: the tag is not valid`)
  }
  const slash = rest.indexOf('/')
  const first = rest.slice(0, Math.max(0, slash))
  // A first component is a host when it could not be a repository's (distribution/reference, splitDockerDomain).
  const hasHost = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  let registry = hasHost ? first.toLowerCase() : DOCKER_HUB
  let repository = hasHost ? rest.slice(slash + 1) : rest
  if (!HOST.test(registry)) throw new SupplyError('SL3001', `«${text}»: the registry's name is not valid`)
  if (DOCKER_ALIASES.has(registry)) registry = DOCKER_HUB
  if (registry === DOCKER_HUB && !repository.includes('/')) repository = `library/${repository}`
  if (repository.length > 255 || !REPOSITORY.test(repository)) {
    throw new SupplyError('SL3001', `«${text}»: the repository is not valid (lower case letters, digits and . _ - /)`)
  }
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

/** `registry/repository`: the image without its version. */
export function repositoryOf(reference: Reference): string {
  return `${reference.registry}/${reference.repository}`
}

/** What to ask the registry for: the digest if there is one, else the tag, else `latest`. */
export function versionOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest'
}

/** The full text of a reference. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag ?? (reference.digest === undefined ? 'latest' : undefined)
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`
  return `${repositoryOf(reference)}${tag === undefined ? '' : `:${tag}`}${digest}`
}
