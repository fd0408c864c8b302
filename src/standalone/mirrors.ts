/**
 * The extensions that come with Sluice are in the embedded registry under their upstream names. In the form of
 * `SLUICE_REGISTRY_MIRRORS`.
 */
export function standaloneMirrors(registry: string): string {
  return `ghcr.io/istio-ecosystem/wasm-extensions=http://${registry}`
}
