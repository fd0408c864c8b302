const SCHEMES = new Set(['oci', 'http', 'https', 'file'])

/** A reference with its scheme: without one it is an OCI image. */
export function withScheme(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `oci://${url}`
}

/** What makes a module's URL unusable; undefined when nothing does. The texts are those of Istio's validation. */
export function moduleUrlProblem(url: string): string | undefined {
  const whole = withScheme(url)
  const scheme = whole.slice(0, whole.indexOf('://')).toLowerCase()
  if (!SCHEMES.has(scheme)) return `url contains unsupported scheme: ${scheme}`
  const rest = whole.slice(scheme.length + 3)
  if (rest === '' || /[\s\0]/.test(rest)) return `failed to parse url: «${url}»`
  if (scheme === 'file') return undefined
  // A registry's reference is not a URL to every parser (`@sha256:`), but its host has to be one.
  return URL.canParse(`http://${rest.split('/')[0]}`) ? undefined : `failed to parse url: «${url}»`
}
