import { parseReference, type Reference, repositoryOf, SupplyError, safeUrl } from '../oci/index.ts'

/** Where a module is to be had, read from the `url` of an extension. */
export type ModuleUrl = {
  readonly url: string
  /** Fit for messages: without user, password and query. */
  readonly label: string
  readonly name: string
} & (
  | { readonly scheme: 'oci'; readonly reference: Reference }
  | { readonly scheme: 'http'; readonly location: URL }
  | { readonly scheme: 'file'; readonly path: string }
)

/**
 * Reads a module's URL; without a scheme it is an image. `name` is the cache's name for it: the URL, but for images without tag
 * and digest and normalised, so that all tags of a repository share what they have in common.
 */
export function parseModuleUrl(url: string): ModuleUrl {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(url)?.[1].toLowerCase()
  switch (scheme) {
    case undefined:
    case 'oci': {
      const reference = parseReference(url)
      return { scheme: 'oci', url, label: url, name: `oci://${repositoryOf(reference)}`, reference }
    }
    case 'http':
    case 'https': {
      const location = URL.parse(url)
      if (location === null || location.hostname === '')
        throw new SupplyError('SL3001', `«${url.replace(/\/\/.*@/, '//')}»`)
      return { scheme: 'http', url, label: safeUrl(location), name: url, location }
    }
    case 'file':
      // The prefix is cut off literally, as Istio does: file://plugin.wasm is a relative path.
      return { scheme: 'file', url, label: url, name: url, path: url.slice('file://'.length) }
    default:
      throw new SupplyError('SL3002', scheme)
  }
}
