import { bytes, type Findings, fields, list, text } from './findings.ts'
import { checkUrl, type ModuleUrl } from './wasm-url.ts'

type Fields = Readonly<Record<string, unknown>>

/** The module of a WasmPlugin (`at` is `spec`) or of a TrafficExtension (`spec.wasm`). */
export function checkWasm(wasm: Fields, at: string, pluginNameLimit: string, found: Findings): void {
  const url = checkUrl(text(wasm['url']), `${at}.url`, found)
  checkChecksum(text(wasm['sha256']), `${at}.sha256`, found)
  if (bytes(text(wasm['imagePullSecret'])) > 253) {
    found.error(`${at}.imagePullSecret`, 'imagePullSecret field must be less than 253 characters long')
  }
  if (bytes(text(wasm['pluginName'])) > 256) {
    found.error(`${at}.pluginName`, `pluginName field must be less than ${pluginNameLimit} characters long`)
  }
  checkEnv(list(fields(wasm['vmConfig'])['env']), `${at}.vmConfig.env`, found)
  if (url !== undefined) warnOfUrl(wasm, url, at, found)
}

function checkChecksum(sha256: string, field: string, found: Findings): void {
  if (sha256 === '') return
  if (bytes(sha256) !== 64) found.error(field, 'sha256 field must be 64 characters long')
  else if (!/^[a-f0-9]*$/.test(sha256)) found.error(field, 'sha256 field must match [a-f0-9]{64} pattern')
}

function checkEnv(env: readonly unknown[], field: string, found: Findings): void {
  const names = new Set<string>()
  for (const [i, entry] of env.entries()) {
    if (entry === null) continue
    const { valueFrom, ...rest } = fields(entry)
    const name = text(rest['name'])
    const at = `${field}[${i}]`
    if (name === '') found.error(`${at}.name`, 'spec.vmConfig.env invalid')
    if (bytes(name) > 256) found.error(`${at}.name`, 'env.name field must be less than 255 characters long')
    if (names.has(name)) found.error(`${at}.name`, 'duplicate env')
    names.add(name)
    if (valueFrom === 'HOST' && text(rest['value']) !== '') {
      found.error(`${at}.value`, 'value may only be set when valueFrom is INLINE')
    }
    // The agent strips these before the module starts, for its own use of the prefix.
    if (name.startsWith('ISTIO_META_'))
      found.warn(`${at}.name: the module will not see ${name}: the prefix is reserved`)
  }
}

/** What Istio lets pass and the fetch, or a surprised user, finds later. */
function warnOfUrl(wasm: Fields, { scheme, tag, digest }: ModuleUrl, at: string, found: Findings): void {
  const sha256 = text(wasm['sha256'])
  const isImage = scheme === 'oci' || scheme === ''
  if (isImage && digest !== undefined && sha256 !== '' && digest !== sha256) {
    found.warn(`${at}.sha256: it is not the digest in the url, so that no module can fit both`)
  }
  if (isImage && digest === undefined && sha256 === '' && tag === undefined) {
    found.warn(`${at}.url: without a tag the image's tag is latest, which may change; name a tag or a digest`)
  }
  if (!isImage && text(wasm['imagePullSecret']) !== '') {
    found.warn(`${at}.imagePullSecret: it is for images; ${scheme}:// is fetched without credentials`)
  }
  if (isImage && digest !== undefined && wasm['imagePullPolicy'] === 'Always') {
    found.warn(`${at}.imagePullPolicy: what a digest names never changes, so that it is not fetched again`)
  }
}
